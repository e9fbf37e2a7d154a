"""The plates of a pipeline run: generated once for all, checked in a folder, or unpacked out of any ZIP."""

import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections import Counter, namedtuple
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from filelock import FileLock

from lpsr.data.archive import INDEX
from lpsr.data.ccpd import CcpdName, format_name
from lpsr.data.gather import Source
from lpsr.data.generator import generate, synthesize
from lpsr.data.plates import open_plates
from lpsr.errors import InputError
from lpsr.images import encode_png
from lpsr.plates import normalise
from lpsr.training import material as module
from lpsr.training import unpack
from lpsr.training.material import check_archive, check_folder, prepare
from lpsr.training.plan import SPLITS, Archive, Folder, Generated
from lpsr.training.status import DATA, UPLOAD
from lpsr.training.unpack import MARGIN, share_out


@cache
def plate(seed):
    return generate(seed, 1)


def png(seed):
    return encode_png(plate(seed).picture)


def noise(width, height, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def pack(path, members):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def pictures(count):
    return {f"{number}.png": png(number) for number in range(count)}


def index(rows):
    return ("file,text,split\n" + "".join(f"{','.join(row)}\n" for row in rows)).encode()


def unpacked(tmp_path, members, **options):
    archive = pack(tmp_path / "run" / UPLOAD, members)
    return prepare(Archive(file=str(archive)), tmp_path / "run", tmp_path / ".data", **options)


def below(folder):
    return sorted(path.name for path in folder.iterdir())


class TestGenerated:
    def test_the_plates_are_generated_once_for_all_runs(self, tmp_path):
        seen = []
        first = prepare(
            Generated(count=60, seed=3), tmp_path / "a", tmp_path / ".data", progress=lambda *done: seen.append(done)
        )
        assert first.folder == tmp_path / ".data" / "generated-60-3" and first.refused == ()
        assert first.plates == {"train": 48, "val": 5, "test": 7}
        assert seen[-1] == (60, 60) and len(seen) == 60
        written = {path: path.stat().st_mtime_ns for path in first.folder.rglob("*.jpg")}
        second = prepare(Generated(count=60, seed=3), tmp_path / "b", tmp_path / ".data")
        assert second == first and written == {path: path.stat().st_mtime_ns for path in written}
        plates = open_plates(first.folder)
        assert {plate.extra["kind"] for plate in plates} == {"blue", "green"}
        assert len({plate.text for plate in plates}) == 60

    def test_another_count_or_seed_is_other_plates(self, tmp_path):
        folders = {
            prepare(Generated(count=count, seed=seed), tmp_path, tmp_path).folder
            for count, seed in ((50, 1), (51, 1), (50, 2))
        }
        assert len(folders) == 3

    def test_what_is_stopped_leaves_nothing(self, tmp_path):
        asked = []
        data = Generated(count=50, seed=1)
        assert prepare(data, tmp_path, tmp_path / "s", should_stop=lambda: asked.append(1) or len(asked) > 5) is None
        assert len(asked) == 6 and below(tmp_path / "s") == [".generated-50-1.lock"]
        assert prepare(data, tmp_path, tmp_path / "s").plates["train"] == 40

    def test_what_a_killed_process_left_is_cleared(self, tmp_path):
        code = "import sys; from lpsr.data.generator import synthesize; synthesize(sys.argv[1], 5000, 1)"
        process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "generated-50-1")])
        end = time.monotonic() + 60
        while not list(tmp_path.glob(".generated-50-1.*/plates/*")) and time.monotonic() < end:
            time.sleep(0.05)
        process.kill()
        process.wait()
        (tmp_path / ".generated-50-10.other").mkdir()
        assert list(tmp_path.glob(".generated-50-1.*/plates/*"))
        assert prepare(Generated(count=50, seed=1), tmp_path, tmp_path).plates["train"] == 40
        assert below(tmp_path) == [".generated-50-1.lock", ".generated-50-10.other", "generated-50-1"]

    def test_two_at_once_make_one_folder(self, tmp_path):
        with ThreadPoolExecutor() as pool:
            made = list(pool.map(lambda name: prepare(Generated(count=80, seed=5), tmp_path / name, tmp_path), "ab"))
        assert made[0] == made[1] and sum(made[0].plates.values()) == 80
        assert below(tmp_path) == [".generated-80-5.lock", "generated-80-5"]

    def test_who_waits_for_another_process_can_be_stopped(self, tmp_path):
        asked = []
        with FileLock(tmp_path / ".generated-50-1.lock"):
            data = Generated(count=50, seed=1)
            assert prepare(data, tmp_path, tmp_path, should_stop=lambda: asked.append(1) or len(asked) > 1) is None

    def test_a_full_disk_is_said_before_anything_is_written(self, tmp_path, full_disk):
        with pytest.raises(InputError, match="GB are free on the disk"):
            prepare(Generated(count=50, seed=1), tmp_path, tmp_path / "s")
        assert below(tmp_path / "s") == [".generated-50-1.lock"]


class TestFolder:
    def test_the_folder_is_used_where_it_is(self, tmp_path):
        folder = synthesize(tmp_path / "plates", 40, 1, split=SPLITS)
        found = prepare(Folder(folder=str(folder)), tmp_path / "run", tmp_path / "s")
        assert (found.folder, found.name) == (folder, "plates") and found.plates == {"train": 32, "val": 3, "test": 5}
        assert below(tmp_path) == ["plates"]

    @pytest.mark.parametrize("split", ["train", {"train": 0.8, "test": 0.2}])
    def test_a_split_that_is_missing_is_said_with_what_to_do(self, tmp_path, split):
        folder = synthesize(tmp_path / "plates", 30, 1, split=split)
        with pytest.raises(InputError, match=r"no plates in split 'val'.*column split"):
            check_folder(folder)

    def test_a_ccpd_folder_by_its_lists(self, tmp_path):
        names = ccpd_names(25)
        for number, name in enumerate(names):
            (tmp_path / name).write_bytes(encode_png(noise(90, 30, number)))
        with pytest.raises(InputError, match=r"splits.train\.txt"):
            check_folder(tmp_path)
        (tmp_path / "splits").mkdir()
        for split, part in {"train": names[:20], "val": names[20:22], "test": names[22:]}.items():
            (tmp_path / "splits" / f"{split}.txt").write_text("\n".join(part))
        assert check_folder(tmp_path) == {"train": 20, "val": 2, "test": 3}

    def test_pictures_that_are_missing_are_said(self, tmp_path):
        folder = synthesize(tmp_path / "plates", 40, 1, split=SPLITS)
        open_plates(folder, "val")[0].path.unlink()
        with pytest.raises(InputError, match="1 pictures of split 'val' are missing"):
            check_folder(folder)

    def test_too_few_plates_and_no_folder(self, tmp_path, plate_folder):
        with pytest.raises(InputError, match="12 usable plates; bring at least 20"):
            check_folder(plate_folder)
        with pytest.raises(InputError, match="There is no folder"):
            prepare(Folder(folder=str(tmp_path / "none")), tmp_path, tmp_path)


def ccpd_names(count, corners=((10, 5), (79, 5), (79, 24), (10, 24))):
    box = (corners[0], corners[2])
    return [
        format_name(CcpdName("01", (90, 90), box, corners, f"皖A{10000 + number}", 100, 10), ".png")
        for number in range(count)
    ]


class TestZip:
    def test_pictures_alone_are_enough(self, tmp_path):
        found = unpacked(tmp_path, pictures(25))
        assert found.folder == tmp_path / "run" / DATA and found.name == "uploaded plates" and found.refused == ()
        assert sum(found.plates.values()) == 25 and min(found.plates.values()) >= 1
        plates = open_plates(found.folder)
        assert sorted(plate.path.read_bytes() for plate in plates) == sorted(pictures(25).values())
        assert all(plate.text is None and plate.corners is None for plate in plates)
        assert below(tmp_path / "run") == [DATA, UPLOAD]

    def test_a_plate_folder_comes_out_as_it_was(self, tmp_path):
        folder = synthesize(tmp_path / "plates", 30, 3, split={"train": 2, "val": 1, "test": 1})
        members = {f"x/{path.relative_to(folder)}": path.read_bytes() for path in sorted(folder.rglob("*.*"))}
        found = unpacked(tmp_path, members)
        before, after = open_plates(folder), open_plates(found.folder)
        for old, new in zip(before, after, strict=True):
            assert (old.text, old.split, old.path.read_bytes()) == (new.text, new.split, new.path.read_bytes())
            np.testing.assert_array_equal(old.corners, new.corners)
            np.testing.assert_array_equal(old.hr(1), new.hr(1))

    def test_texts_are_written_the_usual_way(self, tmp_path):
        rows = [(f"{number}.png", f"京a·{10000 + number}", "") for number in range(25)]
        found = unpacked(tmp_path, {INDEX: index(rows), **pictures(25)})
        assert {plate.text for plate in open_plates(found.folder)} == {f"京A{10000 + n}" for n in range(25)}

    def test_a_photo_is_cut_to_its_plate_and_its_surroundings_without_loss(self, tmp_path):
        corners = ((400, 300), (499, 302), (499, 340), (400, 338))
        photos = {name: noise(720, 500, n) for n, name in enumerate(ccpd_names(20, corners))}
        members = {f"ccpd/{name}": encode_png(photo) for name, photo in photos.items()}
        found = unpacked(tmp_path, members)
        for one, (name, photo) in zip(open_plates(found.folder), photos.items(), strict=True):
            left, top = 400 - MARGIN, 300 - MARGIN
            np.testing.assert_array_equal(one.picture(), photo[top : 341 + MARGIN, left : 500 + MARGIN])
            np.testing.assert_array_equal(one.hr(1), photo[300:341, 400:500])
            assert name.startswith("01-") and one.text.startswith("皖A1")

    def test_splits_are_kept_and_the_rest_is_shared_out(self, tmp_path):
        rows = [(f"{n}.png", f"京A{10000 + n}", ("val", "test", "Train", "")[n % 4]) for n in range(40)]
        found = unpacked(tmp_path, {INDEX: index(rows), **pictures(40)})
        splits = {plate.text: plate.split for plate in open_plates(found.folder)}
        assert all(splits[text] == split.lower() for _, text, split in rows if split)
        assert found.plates == {"train": 18, "val": 11, "test": 11} == Counter(splits.values())

    def test_folders_name_splits_where_the_index_does_not(self, tmp_path):
        members = {
            f"green/{('train', 'val', 'Test')[n % 3]}/{name}": c for n, (name, c) in enumerate(pictures(24).items())
        }
        assert unpacked(tmp_path, members).plates == {"train": 8, "val": 8, "test": 8}

    def test_plates_of_other_splits_are_left_out_and_it_is_said(self, tmp_path):
        rows = [(f"{n}.png", f"京A{10000 + n}", ("val", "test", "train", "reader")[n % 4]) for n in range(40)]
        found = unpacked(tmp_path, {INDEX: index(rows), **pictures(40)})
        assert found.plates == dict.fromkeys(SPLITS, 10) and found.refused[0][1].startswith("10 plates are in other")

    def test_a_split_that_nobody_is_in_is_said(self, tmp_path):
        rows = [(f"{n}.png", f"京A{10000 + n}", ("train", "test")[n % 2]) for n in range(30)]
        members = {INDEX: index(rows), **pictures(30)}
        with pytest.raises(InputError, match="no plates in split 'val'; name some"):
            unpacked(tmp_path, members)
        assert below(tmp_path / "run") == [UPLOAD]
        assert "no plates in split 'val'" in check_archive(tmp_path / "run" / UPLOAD).problem

    def test_what_cannot_be_used_is_named_with_its_reason(self, tmp_path):
        photo = noise(1500, 900)
        bad = {
            "../up.png": png(100),
            "broken.png": png(101)[:-300],
            "fake.png": b"not a picture at all",
            "small.png": encode_png(noise(63, 40)),
            "low.png": encode_png(noise(90, 15)),
            "huge.png": encode_png(photo),
            "twin.png": png(1),
            "notes.txt": b"x",
            "bomb.bmp": bytes(40 * 2**20),
            "inner.zip": b"PK\3\4",
        }
        found = unpacked(tmp_path, {**pictures(22), **bad})
        said = dict(found.refused)
        assert said.keys() == bad.keys() and sum(found.plates.values()) == 22
        for name, word in {
            "../up.png": "out of",
            "broken.png": "damaged",
            "fake.png": "not a picture",
            "small.png": "63 × 40 pixels; at least 64 × 16",
            "low.png": "90 × 15",
            "huge.png": "1500 × 900",
            "twin.png": "same picture",
            "bomb.bmp": "times its packed size",
        }.items():
            assert word in said[name]
        assert len(list(found.folder.rglob("*.png"))) == 22
        assert not list(tmp_path.glob("*.png")) and not list((tmp_path / "run").glob("*.png"))

    def test_a_second_look_finds_what_the_first_unpacked(self, tmp_path):
        members = {**pictures(22), "notes.txt": b"x"}
        first = unpacked(tmp_path, members)
        (tmp_path / "run" / UPLOAD).unlink()
        assert prepare(Archive(file=str(tmp_path / "run" / UPLOAD)), tmp_path / "run", tmp_path) == first

    @pytest.mark.parametrize("content", [b"", b"PK\3\4 and no more", png(1)])
    def test_what_is_no_zip_of_plates_is_one_sentence(self, tmp_path, content):
        (tmp_path / UPLOAD).write_bytes(content)
        with pytest.raises(InputError) as error:
            prepare(Archive(file=str(tmp_path / UPLOAD)), tmp_path, tmp_path)
        assert str(error.value) == check_archive(tmp_path / UPLOAD).problem != ""
        assert below(tmp_path) == [UPLOAD]

    def test_a_zip_without_plates_says_why(self, tmp_path):
        with pytest.raises(InputError, match="no plate that can be used: It is not a picture"):
            unpacked(tmp_path, {"notes.txt": b"x"})

    def test_an_upload_that_is_gone_is_said(self, tmp_path):
        with pytest.raises(InputError, match="no longer kept"):
            prepare(Archive(file=str(tmp_path / "a.zip")), tmp_path, tmp_path)

    def test_a_zip_that_lists_a_hundred_thousand_files(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            for number in range(100_000):
                archive.writestr(f"{number:060d}.png", b"")
        assert "lists too many files" in check_archive(tmp_path / "a.zip").problem

    def test_ten_thousand_files_that_are_no_pictures(self, tmp_path):
        found = check_archive(pack(tmp_path / "a.zip", {f"{n}.txt": b"x" for n in range(10_000)}))
        assert found.pictures == 0 and len(found.refused) == 10_000 and "no plate" in found.problem

    def test_the_limits_hold(self, tmp_path, monkeypatch):
        monkeypatch.setattr(module, "LIMITS", replace(unpack.LIMITS, most=21))
        found = unpacked(tmp_path, pictures(25))
        assert sum(found.plates.values()) == 21 and "4 more are left out" in found.refused[0][1]
        shutil.rmtree(found.folder)
        monkeypatch.setattr(module, "LIMITS", unpack.LIMITS)
        monkeypatch.setattr(module, "MAX_DECODED", sum(plate(n).picture.nbytes for n in range(23)))
        found = unpacked(tmp_path, pictures(25))
        assert sum(found.plates.values()) == 23 and [name for name, _ in found.refused] == ["23.png", "24.png"]

    def test_a_full_disk_is_said_before_anything_is_written(self, tmp_path, full_disk):
        with pytest.raises(InputError, match="GB are free on the disk"):
            unpacked(tmp_path, pictures(25))
        assert below(tmp_path / "run") == [UPLOAD]

    def test_a_disk_that_fills_up_meanwhile_leaves_nothing(self, tmp_path, monkeypatch):
        def fail(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(module, "write_index", fail)
        with pytest.raises(InputError, match="No space left"):
            unpacked(tmp_path, pictures(25))
        assert below(tmp_path / "run") == [UPLOAD]

    def test_what_is_stopped_leaves_nothing_and_asks_before_each(self, tmp_path):
        asked, seen = [], []
        stopped = unpacked(
            tmp_path,
            pictures(25),
            progress=lambda *done: seen.append(done),
            should_stop=lambda: asked.append(1) or len(asked) > 7,
        )
        assert stopped is None and seen == [(n, 25) for n in range(1, 8)] and below(tmp_path / "run") == [UPLOAD]

    def test_what_a_killed_process_left_is_cleared(self, tmp_path):
        archive = pack(tmp_path / "run" / UPLOAD, pictures(25))
        code = (
            "import os, signal, sys; from lpsr.training.material import Archive, prepare\n"
            "end = lambda done, of: done == 10 and os.kill(os.getpid(), signal.SIGKILL)\n"
            "prepare(Archive(file=sys.argv[1]), sys.argv[2], sys.argv[2], progress=end)"
        )
        killed = subprocess.run([sys.executable, "-c", code, str(archive), str(archive.parent)], timeout=120)
        assert killed.returncode == -signal.SIGKILL and len(list((tmp_path / "run").rglob("*.png"))) == 10
        assert sum(unpacked(tmp_path, pictures(25)).plates.values()) == 25
        assert below(tmp_path / "run") == [DATA, UPLOAD]


class TestCheckArchive:
    def test_it_finds_what_unpacking_finds_and_writes_nothing(self, tmp_path):
        rows = [(f"{n}.png", f"京A{10000 + n}" * (n < 20), "") for n in range(30)]
        members = {INDEX: index(rows), **pictures(30), "notes.txt": b"x", "low.png": encode_png(noise(90, 15))}
        archive = pack(tmp_path / "run" / UPLOAD, members)
        found = check_archive(archive)
        assert below(tmp_path / "run") == [UPLOAD]
        made = unpacked(tmp_path, members)
        assert (found.plates, found.refused) == (made.plates, made.refused)
        assert (found.pictures, found.opened, found.texts, found.corners, found.problem) == (30, 30, 20, 0, "")

    def test_plates_of_other_splits_are_not_counted(self, tmp_path):
        rows = [(f"{n}.png", f"京A{10000 + n}", ("val", "test", "train", "reader")[n % 4]) for n in range(40)]
        found = check_archive(pack(tmp_path / "a.zip", {INDEX: index(rows), **pictures(40)}))
        assert found.pictures == found.opened == found.texts == 30 and found.plates == dict.fromkeys(SPLITS, 10)

    def test_beyond_its_time_pictures_are_taken_on_trust(self, tmp_path):
        members = {**pictures(25), "low.png": encode_png(noise(90, 15))}
        found = check_archive(pack(tmp_path / "a.zip", members), seconds=0)
        assert (found.pictures, found.opened, found.refused, found.problem) == (26, 0, (), "")

    def test_too_few(self, tmp_path):
        assert "19 usable plates" in check_archive(pack(tmp_path / "a.zip", pictures(19))).problem


class TestShareOut:
    @staticmethod
    def sources(labels):
        return [Source("x", f"a.zip/{n}.png", None, None, text, split=split) for n, (text, split) in enumerate(labels)]

    def test_the_shares_are_those_of_the_plan(self):
        splits = share_out(self.sources([(None, "")] * 1000))
        assert Counter(splits) == {"train": 800, "val": 80, "test": 120}
        # Mixed, not in blocks: each is in every part of the list.
        assert all(set(splits[start : start + 200]) == set(SPLITS) for start in range(0, 1000, 200))

    def test_a_text_is_never_in_two_splits(self):
        rng = np.random.default_rng(0)
        texts = [f"京A{number:05d}" for number in rng.zipf(1.5, 600) % 90]
        labels = [(text, rng.choice(["", "", "", "", "val"])) for text in texts]
        labels = [(text, "val" if (text, "val") in labels and split else "") for text, split in labels]
        spelled = [(text.replace("A", "a·") if n % 3 else text, split) for n, (text, split) in enumerate(labels)]
        splits = share_out(self.sources(spelled))
        pairs = {(normalise(text), split) for (text, _), split in zip(spelled, splits, strict=True)}
        assert len(pairs) == len(set(texts)) and set(splits) == set(SPLITS)
        assert all(split == named for (_, named), split in zip(spelled, splits, strict=True) if named)

    def test_a_text_that_the_index_has_on_both_sides_goes_to_training(self):
        labels = [("京A1", "test"), ("京A1", "train"), ("京A1", "val"), ("京A1", "")]
        assert share_out(self.sources(labels)) == ["test", "train", "val", "train"]

    def test_the_order_and_the_name_of_the_zip_do_not_matter(self):
        sources = self.sources([(f"京A{n % 30:05d}" if n % 2 else None, "") for n in range(100)])
        once = dict(zip((one.file for one in sources), share_out(sources), strict=True))
        other = [replace(one, file=one.file.replace("a.zip", "b.zip")) for one in reversed(sources)]
        again = {one.file.replace("b.zip", "a.zip"): split for one, split in zip(other, share_out(other), strict=True)}
        assert once == again

    def test_plates_that_are_nearly_all_of_one_text_still_fill_every_split(self):
        splits = share_out(self.sources([("京A1", "")] * 90 + [(None, "")] * 10))
        assert Counter(splits)["train"] == 90 and set(splits) == set(SPLITS)


@pytest.fixture
def full_disk(monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: usage(10**12, 10**12 - 10**8, 10**8))
