"""The live charts of training: their figures, and what is sent."""

import json
from itertools import pairwise
from math import log10
from threading import Thread

import numpy as np
import pytest

from lpsr.app.language import LANGUAGES, Words
from lpsr.app.training.charts import CHARTS, Charts, Named
from lpsr.app.training.figures import figures
from lpsr.training.curves import read_curves


def log_of(count, pecl, every=50, psnr=20.0, total=None):
    lines = []
    for i in range(every, count * every + 1, every):
        pixel = 0.1 * i**-0.3
        lines.append(
            {
                "iteration": i,
                "total": pixel if total is None else total,
                "pixel": pixel,
                "contrastive": 0.3 * i**-0.1 if pecl else None,
                "distance": 0.5 * i**-0.1 if pecl else None,
                "w_pixel": 0.9 if pecl else 1.0,
                "w_contrastive": 0.1 if pecl else 0.0,
                "lr": 1e-3 / i,
                "iterations_per_second": 4.0,
            }
        )
        if i % (2 * every) == 0:
            lines.append({"iteration": i, "val_psnr": psnr + log10(i), "val_psnr_y": psnr + 0.5 + log10(i)})
    return lines


@pytest.fixture
def run(tmp_path):
    def make(name="mse", *, colour="#0072B2", bicubic=None, lines=None, **options):
        folder = tmp_path / f"run-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        lines = log_of(options.pop("count", 20), options.pop("pecl", False), **options) if lines is None else lines
        (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        return Named(name, colour, read_curves(folder), bicubic)

    return make


def names(figure):
    return [trace.name for trace in figure.data]


def sentence(figure):
    """What an empty chart says."""
    (note,) = figure.layout.annotations
    assert not figure.data and figure.layout.xaxis.visible is False
    return note.text.replace("<br>", " ")


def labels(figure):
    return [note.text.split("</span> ")[1] for note in figure.layout.annotations]


class TestFigures:
    def test_one_run_has_its_terms_together(self, run):
        made = figures([run("a", colour="#123456", pecl=True)], Words())
        assert tuple(made) == CHARTS
        assert names(made["loss"]) == ["total", "pixel", "contrastive"]
        assert names(made["weights"]) == ["w_pixel", "w_contrastive"]
        assert [len(made[name].data) for name in ("distance", "rate", "psnr")] == [1, 1, 2]
        rgb, luma = made["psnr"].data
        assert (rgb.line.dash, luma.line.dash) == ("solid", "dash")
        assert rgb.line.color == luma.line.color == made["distance"].data[0].line.color == "#123456"
        assert rgb.x.tolist() == list(range(100, 1001, 100))
        assert rgb.y == pytest.approx([20 + log10(i) for i in range(100, 1001, 100)], rel=1e-6)
        assert labels(made["loss"]) == ["total", "pixel", "contrastive"] and labels(made["rate"]) == []

    def test_axes(self, run):
        made = figures([run(pecl=True)], Words(), run("base"))
        for name, figure in made.items():
            assert figure.layout.xaxis.type == ("log" if name in ("psnr", "contrast") else "linear"), name
            assert figure.layout.yaxis.type == ("log" if name == "loss" else "linear"), name
            assert figure.layout.xaxis.title.text == "Iterations" and figure.layout.title.text
            assert figure.layout.height == 230 and figure.layout.showlegend is False
        assert made["psnr"].layout.title.text.endswith("dB") and made["contrast"].layout.title.text.endswith("%")
        low, high = made["weights"].layout.yaxis.range
        assert low < 0 < 1 < high < 1.2

    def test_everything_lies_inside(self, run):
        runs = [run("a", pecl=True, count=count, psnr=psnr) for count, psnr in ((2, 20.0), (40, 15.0))]
        for shown in ([runs[0]], [runs[1]], runs):
            for name, figure in figures(shown, Words(), run("base")).items():
                x, y = figure.layout.xaxis, figure.layout.yaxis
                for trace in figure.data:
                    for axis, values in ((x, trace.x), (y, trace.y)):
                        values = np.log10(values) if axis.type == "log" else values
                        assert axis.range[0] <= min(values) and max(values) <= axis.range[1], name

    def test_several_runs_have_one_line_each_in_their_colours(self, run):
        runs = [run("a", colour="#111111", pecl=True), run("b", colour="#222222", pecl=True), run("c", pecl=False)]
        made = figures(runs, Words(), runs[2])
        for name, shown in {"loss": 3, "weights": 3, "rate": 3, "psnr": 3, "distance": 2, "contrast": 2}.items():
            assert labels(made[name]) == names(made[name]) == ["a", "b", "c"][:shown], name
            assert [trace.line.color for trace in made[name].data] == ["#111111", "#222222", "#0072B2"][:shown]
        # Totals of different losses cannot be compared.
        assert made["loss"].data[0].y == pytest.approx(runs[0].curves.pixel.values, rel=1e-6)
        alone = figures([runs[0], runs[2]], Words())["distance"]
        assert labels(alone) == ["a"]

    def test_labels_do_not_cover_each_other(self, run):
        runs = [run(f"run-{i}", psnr=20 + i / 1000) for i in range(8)]
        for name, figure in figures(runs, Words()).items():
            places = sorted(note.y for note in figure.layout.annotations) if figure.data else []
            assert all(0 <= place <= 1 for place in places)
            inner = figure.layout.height - figure.layout.margin.t - figure.layout.margin.b
            assert all((above - below) * inner >= 12 for below, above in pairwise(places)), name
        assert len(places) == 8
        by_height = sorted(figures(runs, Words())["psnr"].layout.annotations, key=lambda note: note.y)
        assert [note.text[-5:] for note in by_height] == [one.name for one in runs]

    def test_more_labels_than_fit_stay_inside(self, run):
        figure = figures([run(f"run-{i}") for i in range(30)], Words())["psnr"]
        places = [note.y for note in figure.layout.annotations]
        assert len(set(places)) == 30 and min(places) >= -1e-9 and max(places) <= 1 + 1e-9

    def test_contrast_is_equation_20_in_per_cent(self, run):
        better = [{"iteration": i, "val_psnr": 22.0, "val_psnr_y": 0.0} for i in (10, 100, 150)]
        base = [{"iteration": i, "val_psnr": 20.0, "val_psnr_y": 0.0} for i in (10, 100, 200)]
        figure = figures([run("a", lines=better)], Words(), run("mse", lines=base))["contrast"]
        assert figure.data[0].x.tolist() == [10, 100] and figure.data[0].y == pytest.approx([10.0, 10.0])
        low, high = figure.layout.yaxis.range
        assert [shape.y0 for shape in figure.layout.shapes] == [0.0] and low < 0 < 10 < high
        assert "mse" in figure.layout.title.text

    def test_bicubic_is_a_line_where_it_is_known_and_near(self, run):
        figure = figures([run(bicubic=20.0)], Words())["psnr"]
        (line,) = figure.layout.shapes
        assert line.y0 == 20.0 and figure.layout.yaxis.range[0] < 20.0 and labels(figure)[-1] == "bicubic 20.00"
        # Far away it is named, and does not flatten the curves.
        figure = figures([run(bicubic=2.0)], Words())["psnr"]
        assert figure.layout.yaxis.range[0] > 15 and labels(figure)[-1] == "bicubic 2.00 ↓"
        assert figures([run()], Words())["psnr"].layout.shapes == ()
        shared = [run("a", bicubic=20.0), run("b", bicubic=20.0)]
        assert len(figures(shared, Words())["psnr"].layout.shapes) == 1
        assert figures([shared[0], run("b", bicubic=19.0)], Words())["psnr"].layout.shapes == ()

    def test_empty_charts_say_why(self, run):
        mse, pecl, new = run("mse"), run("pecl", pecl=True), run("new", lines=[])
        made = figures([mse], Words())
        assert "MSE compares no embeddings" in sentence(made["distance"])
        assert "Choose an MSE run" in sentence(made["contrast"])
        assert "mse is the run" in sentence(figures([mse], Words(), mse)["contrast"])
        assert "same iteration as one of mse" in sentence(figures([new], Words(), mse)["contrast"])
        assert "Not validated" in sentence(figures([new], Words())["psnr"])
        for name in ("loss", "weights", "distance", "rate"):
            assert sentence(figures([new], Words())[name]) == sentence(figures([], Words())[name]) == "No values yet."
        assert len(figures([mse, pecl], Words())["distance"].data) == 1

    def test_a_gap_in_the_log_interrupts_the_line(self, run):
        lines = log_of(9, True)
        lines[6]["distance"] = None
        figure = figures([run(lines=lines)], Words())["distance"]
        assert np.isnan(figure.data[0].y).sum() == 1 and not figure.data[0].connectgaps

    def test_a_total_below_zero_is_pointed_at(self, run):
        figure = figures([run(pecl=True, total=-2.5)], Words())["loss"]
        assert labels(figure) == ["total ↓", "pixel", "contrastive"]
        low, high = figure.layout.yaxis.range
        assert -3 < low < high < 0
        assert labels(figures([run(lines=log_of(5, False, total=-1.0))], Words())["loss"])[0] == "total ↓"

    @pytest.mark.parametrize("values", [[1e-30, 1e30], [0.0, 0.0], [5.0], [1e-30], [1e13, 2e13]])
    def test_any_numbers_make_a_chart(self, run, values):
        lines = log_of(len(values), True)
        for line, value in zip([line for line in lines if "total" in line], values, strict=True):
            line.update(total=value, pixel=value, contrastive=value, distance=value, lr=value)
        for figure in figures([run(lines=lines)], Words()).values():
            if figure.data:
                low, high = figure.layout.yaxis.range
                assert low < high and np.isfinite([low, high]).all()
                ticks = figure.layout.yaxis.tickvals or ()
                assert len(ticks) <= 6 and len(set(figure.layout.yaxis.ticktext or ())) == len(ticks)
            json.loads(figure.to_json())

    def test_logarithmic_ticks_are_few_and_full(self, run):
        lines = log_of(2, False)
        for line, value in zip([line for line in lines if "total" in line], (0.3, 0.007), strict=True):
            line.update(total=value, pixel=value)
        axis = figures([run(lines=lines)], Words())["loss"].layout.yaxis
        assert list(axis.ticktext) == ["0.01", "0.02", "0.05", "0.1", "0.2"]
        scores = [{"iteration": 10**i, "val_psnr": 20.0 + i, "val_psnr_y": 21.0} for i in range(1, 7)]
        axis = figures([run(lines=scores)], Words())["psnr"].layout.xaxis
        assert list(axis.ticktext) == ["10", "100", "1k", "10k", "100k", "1M"]
        assert list(axis.tickvals) == [10**i for i in range(1, 7)]

    def test_names_are_no_html_and_fit(self, run):
        evil = "<b onclick=x>" + "y" * 60 + "-17"
        made = figures([run(evil), run("other")], Words(), run(evil + "2"))
        for figure in made.values():
            # An attribute's text, which is no HTML.
            figure.layout.meta = None
            assert "onclick" not in figure.to_json().replace("\\u0026", "&").replace("&lt;b onclick", "")
        label = labels(made["psnr"])[0]
        assert label.startswith("&lt;b") and label.endswith("yyy-17") and len(label) < 30

    def test_a_long_run_is_thinned_before_it_is_sent(self, run):
        scores = [{"iteration": i, "val_psnr": 20.0, "val_psnr_y": 21.0} for i in range(1, 3000)]
        figure = figures([run(lines=scores)], Words(), run("base", lines=scores))
        assert len(figure["psnr"].data[0].x) <= 400 and len(figure["contrast"].data) == 1

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_every_language(self, run, language):
        made = figures([run()], Words(language))
        assert made["loss"].layout.xaxis.title.text == Words(language)("train_charts.iterations")
        # The longest line of a sentence fits a phone.
        assert max(len(line) for line in made["distance"].layout.annotations[0].text.split("<br>")) <= 38

    def test_last_values_for_those_who_do_not_see(self, run):
        made = figures([run(lines=[{"iteration": 10, "val_psnr": 21.234, "val_psnr_y": 22.0}])], Words())
        assert made["psnr"].layout.meta == {"title": "Validation PSNR, dB", "text": "PSNR 21.23 dB, PSNR_Y 22.00 dB"}
        assert made["contrast"].layout.meta["text"].startswith("Choose an MSE run to compare with: Baseline")


class TestCharts:
    def test_nothing_is_sent_while_nothing_changes(self, run):
        charts, one, words = Charts(), run("a"), Words()
        value, key = charts.values([one], words)
        drawn = json.loads(value)
        assert list(drawn["figures"]) == list(CHARTS) and drawn["runs"] == ["a"] and key
        assert len(charts.outputs) == 2
        skipped = charts.values([one], words, shown=key)
        assert [update["__type__"] for update in skipped] == ["update", "update"]
        assert not any("value" in update for update in skipped)
        for other in (
            charts.values([one._replace(name="b")], words, shown=key),
            charts.values([one._replace(colour="#111111")], words, shown=key),
            charts.values([one._replace(bicubic=18.0)], words, shown=key),
            charts.values([one, run("b")], words, shown=key),
            charts.values([one], words, run("base"), shown=key),
            charts.values([one], Words("zh"), shown=key),
            charts.values([run("a", psnr=21.0)], words, shown=key),
        ):
            assert other[0] != value and other[1] != key
        assert charts.values([one], words) == [value, key]

    def test_it_is_small(self, run):
        value, _ = Charts().values([run(count=5000, pecl=True)], Words(), run("base", count=5000))
        assert len(value) < 60_000

    def test_many_visitors_at_once(self, run):
        charts, runs = Charts(), [run(f"run-{i}") for i in range(3)]
        found = []
        threads = [Thread(target=lambda i=i: found.append(charts.values(runs[i % 3 :], Words()))) for i in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 12 and len({key for _, key in found}) == 3
