"""Pictures out of files and ZIPs, whoever made them."""

import io
import struct
import tracemalloc
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from lpsr.data import gather as module
from lpsr.data.ccpd import CcpdName, format_name
from lpsr.data.gather import BATCH, gather
from lpsr.data.generator import generate
from lpsr.data.plates import open_plates
from lpsr.errors import InputError
from lpsr.images import encode_png


def png(seed=1):
    return encode_png(generate(seed, 1).picture)


def pack(path, members, **options):
    """A ZIP of ``{name or ZipInfo: content}``."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content, **options)
    return path


def reasons(inputs):
    return {one.file: one.reason for one in inputs.refused}


def files(inputs):
    return [source.file for source in inputs.sources]


def test_files_and_zips_are_taken_together_and_each_is_opened_alone(tmp_path):
    (tmp_path / "a.png").write_bytes(png(1))
    archive = pack(tmp_path / "more.zip", {"x/b.png": png(2), "c.PNG": png(3)})
    inputs = gather([archive, tmp_path / "a.png"])
    assert files(inputs) == ["a.png", "more.zip/x/b.png", "more.zip/c.PNG"] and inputs.refused == ()
    for seed, source in enumerate(inputs.sources, 1):
        picture, corners = source.plate()
        np.testing.assert_array_equal(picture, generate(seed, 1).picture)
        assert corners is None and source.text is None


def test_a_plate_folder_keeps_its_texts_corners_and_crop(plate_folder, tmp_path):
    archive = tmp_path / "plates.zip"
    with zipfile.ZipFile(archive, "w") as target:
        for path in plate_folder.rglob("*"):
            target.write(path, f"folder/{path.relative_to(plate_folder)}")
    plates = {str(plate.path.relative_to(plate_folder)): plate for plate in open_plates(plate_folder)}
    inputs = gather([archive])
    assert len(inputs.sources) == len(plates) == 12 and inputs.refused == ()
    for source in inputs.sources:
        plate = plates[source.file.removeprefix("plates.zip/folder/")]
        picture, corners = source.plate()
        hr = plate.hr(1)
        np.testing.assert_array_equal(picture, hr)
        np.testing.assert_allclose(corners, plate.hr_corners())
        assert source.text == plate.text


def test_a_list_beside_loose_files_counts_and_what_it_misses_is_said(tmp_path):
    (tmp_path / "a.png").write_bytes(png())
    (tmp_path / "index.csv").write_text("file,text,split\na.png,京A12345,test\nb.png,京A12346,test\n", "utf-8")
    inputs = gather([tmp_path / "a.png", tmp_path / "index.csv"])
    assert [(one.file, one.text) for one in inputs.sources] == [("a.png", "京A12345")]
    assert reasons(inputs) == {"index.csv": "missing"} and "1 of the pictures" in inputs.refused[0].sentence


def test_a_list_needs_files_and_texts_alone_and_empty_corners_are_unknown(tmp_path):
    rows = {"index.csv": "file,text\na.png,京A12345\n", "b/index.csv": "file,text,tl_x\nb.png,京A12346,\n"}
    lists = {name: text.encode() for name, text in rows.items()}
    inputs = gather([pack(tmp_path / "a.zip", {**lists, "a.png": png(1), "b/b.png": png(2)})])
    assert [(one.text, one.corners) for one in inputs.sources] == [("京A12345", None), ("京A12346", None)]
    assert inputs.refused == ()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"file,split\n", "text"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"file,text,split,tl_x,tl_y,tr_x,tr_y,br_x,br_y,bl_x,bl_y\na.png,x,test,a,2,3,4,5,6,7,8\n", "line 2"),
        (b"file,text,split\na.png," + b"9" * 33 + b",test\n", "32 characters"),
    ],
)
def test_a_list_that_cannot_be_read_is_said_and_the_pictures_stay(tmp_path, content, words):
    inputs = gather([pack(tmp_path / "a.zip", {"index.csv": content, "a.png": png()})])
    assert files(inputs) == ["a.zip/a.png"] and reasons(inputs) == {"a.zip/index.csv": "index"}
    assert words in inputs.refused[0].sentence


def ccpd(picture, corners):
    box = tuple(map(tuple, (corners.min(0).tolist(), corners.max(0).tolist())))
    return format_name(CcpdName("01", (90, 90), box, tuple(map(tuple, corners.tolist())), "皖A12345", 100, 10))


def test_a_ccpd_name_gives_text_and_corners_and_a_crop_of_that_name_only_the_text(tmp_path):
    photo = np.random.default_rng(0).integers(0, 256, (120, 200, 3), dtype=np.uint8)
    corners = np.array([(60, 40), (140, 44), (140, 70), (60, 66)])
    name = ccpd(photo, corners)
    path = tmp_path / "upload.jpg"
    path.write_bytes(encode_png(photo))
    source = gather([path], [name]).sources[0]
    picture, inside = source.plate()
    assert source.text == "皖A12345" and source.name == "皖A12345"
    np.testing.assert_array_equal(picture, photo[40:71, 60:141])
    np.testing.assert_array_equal(inside, corners - (60, 40))
    path.write_bytes(encode_png(photo[40:71, 60:141]))
    source = gather([path], [name]).sources[0]
    picture, inside = source.plate()
    assert source.text == "皖A12345" and picture.shape == (31, 81, 3) and inside is None


def test_hidden_files_are_passed_over_without_a_word(tmp_path):
    members = {"__MACOSX/._a.png": b"x", ".b.png": b"x", "d/.hidden/c.png": b"x", "Thumbs.db": b"x", "d/": b""}
    inputs = gather([pack(tmp_path / "a.zip", {**members, "./d/a.png": png()})])
    assert files(inputs) == ["a.zip/d/a.png"] and inputs.refused == ()


def link(name):
    entry = zipfile.ZipInfo(name)
    entry.create_system, entry.external_attr = 3, 0o120777 << 16
    return entry


def test_hostile_members_are_named_with_their_reason_and_the_rest_goes_on(tmp_path):
    inner = io.BytesIO()
    pack(inner, {"b.png": png(2)})
    members = {
        "../up.png": png(2),
        "/etc/root.png": png(2),
        "C:\\windows.png": png(2),
        "a\\..\\..\\up.png": png(2),
        link("link.png"): b"/etc/passwd",
        "in.zip": inner.getvalue(),
        "in.rar": b"x",
        "notes.txt": b"x",
        "flat.bmp": bytes(8 * 2**20),
        "good.png": png(),
        "twin.png": png(),
    }
    found = gather([pack(tmp_path / "a.zip", members)])
    assert files(found) == ["a.zip/good.png"]
    assert reasons(found) == {
        "a.zip/../up.png": "outside",
        "a.zip//etc/root.png": "outside",
        "a.zip/C:/windows.png": "outside",
        "a.zip/link.png": "link",
        "a.zip/in.zip": "nested",
        "a.zip/in.rar": "nested",
        "a.zip/notes.txt": "picture",
        "a.zip/flat.bmp": "ratio",
        "a.zip/twin.png": "duplicate",
    }
    assert sum(one.reason == "outside" for one in found.refused) == 4
    assert all(one.sentence.endswith(".") and "{" not in one.sentence for one in found.refused)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_unpack_without_a_limit_are_refused(tmp_path, method):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a.png", png())
    assert reasons(gather([path])) == {"a.zip/a.png": "method"}


def test_an_encrypted_member_is_refused(tmp_path):
    path = pack(tmp_path / "a.zip", {"a.png": png(), "b.png": png(2)})
    content = bytearray(path.read_bytes())
    for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.index(mark) + place] |= 1
    path.write_bytes(content)
    found = gather([path])
    assert reasons(found) == {"a.zip/a.png": "encrypted"} and files(found) == ["a.zip/b.png"]


@pytest.mark.parametrize("keep", [0, 3, 30, -30])
def test_a_broken_zip_is_one_sentence(tmp_path, keep):
    whole = pack(tmp_path / "whole.zip", {"a.png": png()}).read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[:keep])
    assert reasons(gather([tmp_path / "cut.zip"])) == {"cut.zip": "broken"}


def test_random_damage_never_raises_anything_but_sentences(tmp_path):
    whole = pack(tmp_path / "whole.zip", {"a.png": png(), "index.csv": b"file,text,split\na.png,x,test\n"}).read_bytes()
    draw = np.random.default_rng(3)
    for _ in range(150):
        content = bytearray(whole)
        for place in draw.integers(len(whole) - 300, len(whole), 4):
            content[place] = draw.integers(256)
        (tmp_path / "a.zip").write_bytes(content)
        for source in gather([tmp_path / "a.zip"]).sources:
            try:
                source.plate()
            except InputError as error:
                assert str(error)


def test_a_member_that_lies_about_its_size_never_unpacks_beyond_it(tmp_path):
    """64 MB declared as the size of the PNG that it begins with."""
    path = pack(tmp_path / "a.zip", {"a.png": png() + bytes(64 * 2**20)})
    content = bytearray(path.read_bytes())
    for mark, place in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        struct.pack_into("<L", content, content.index(mark) + place, len(png()))
    path.write_bytes(content)
    source = gather([path]).sources[0]
    tracemalloc.start()
    with pytest.raises(InputError, match="damaged"):
        source.plate()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 2**20


def test_a_picture_that_is_damaged_is_one_sentence_that_names_it(tmp_path):
    source = gather([pack(tmp_path / "a.zip", {"x/a.png": png()[:900]})]).sources[0]
    with pytest.raises(InputError, match=r"^a\.png is damaged"):
        source.plate()


def test_an_upload_that_is_gone_is_said(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png())
    source = gather([path]).sources[0]
    path.unlink()
    with pytest.raises(InputError, match="no longer kept"):
        source.plate()
    assert reasons(gather([path])) == {"a.png": "gone"}


def test_the_limits_hold(tmp_path):
    for seed in range(5):
        (tmp_path / f"{seed}.png").write_bytes(png(seed))
    paths = sorted(tmp_path.glob("*.png"))
    sizes = [path.stat().st_size for path in paths]
    found = gather(paths, limits=replace(BATCH, most=3))
    assert len(found.sources) == 3 and "2 more are left out" in found.refused[0].sentence
    last = dict.fromkeys(["2.png", "3.png", "4.png"])
    assert reasons(gather(paths, limits=replace(BATCH, unpacked=sum(sizes[:2])))) == dict.fromkeys(last, "unpacked")
    assert reasons(gather(paths, limits=replace(BATCH, upload=sum(sizes[:2])))) == dict.fromkeys(last, "upload")
    archive = pack(tmp_path / "a.zip", {"a.png": b"x", "b.png": b"y"})
    assert reasons(gather([archive], limits=replace(BATCH, directory=50))) == {"a.zip": "directory"}


def test_a_member_above_the_limit_is_refused_unopened(tmp_path):
    archive = pack(tmp_path / "a.zip", {"a.png": png(), "index.csv": b"x" * 2000})
    assert reasons(gather([archive], limits=replace(BATCH, lists=1000))) == {"a.zip/index.csv": "large"}


def test_many_lists_are_bounded_together(tmp_path, monkeypatch):
    lists = {f"{i}/index.csv": b"file,text\n" + b"a.png,x\n" * 50 for i in range(4)}
    archive = pack(tmp_path / "a.zip", {"0/a.png": png(), **lists})
    refused = gather([archive], limits=replace(BATCH, lists=900)).refused
    assert [one.file for one in refused if one.reason == "index"] == ["a.zip/2/index.csv", "a.zip/3/index.csv"]
    monkeypatch.setattr(module, "MAX_LINES", 60)
    refused = gather([archive]).refused
    assert [one.file for one in refused if one.reason == "index"] == [f"a.zip/{i}/index.csv" for i in (1, 2, 3)]
    assert all("lines together" in one.sentence for one in refused if one.reason == "index")


def test_a_list_of_a_hundred_thousand_columns_is_refused(tmp_path):
    columns = b",".join(b"%d" % i for i in range(100_000))
    table = b"file,text," + columns + b"\n" + b"a.png,x\n" * 1000
    tracemalloc.start()
    inputs = gather([pack(tmp_path / "a.zip", {"index.csv": table, "a.png": png()})])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert reasons(inputs) == {"a.zip/index.csv": "index"} and "columns" in inputs.refused[0].sentence
    assert peak < 64 * 2**20


def test_a_list_names_the_split(tmp_path):
    rows = b"file,text,split\na.png,x,val\nb.png,y,\n"
    inputs = gather([pack(tmp_path / "a.zip", {"index.csv": rows, "a.png": png(1), "b.png": png(2), "c.png": png(3)})])
    assert [one.split for one in inputs.sources] == ["val", "", ""]


def test_a_zip_without_pictures_is_said(tmp_path):
    assert reasons(gather([pack(tmp_path / "a.zip", {"d/": b""})])) == {"a.zip": "empty"}


@pytest.mark.parametrize(("name", "encoding"), [("京A123.png", "gbk"), ("京A12.png", "utf-8")])
def test_unmarked_names_of_windows_and_macos_are_read(tmp_path, name, encoding):
    path = pack(tmp_path / "a.zip", {"??????.png": png()})
    path.write_bytes(path.read_bytes().replace(b"??????.png", name.encode(encoding)))
    assert files(gather([path])) == [f"a.zip/{name}"]


def test_output_names_are_fit_for_folders_and_never_alike(tmp_path):
    members = {
        "a/p.png": png(1),
        "b/P.png": png(2),
        "c/\n<p>.png": png(3),
        "d/....png": png(4),
        "e" * 150 + ".png": png(5),
    }
    names = [source.name for source in gather([pack(tmp_path / "a.zip", members)]).sources]
    assert names[:2] == ["p", "P-2"] and len({name.lower() for name in names}) == len(names)
    assert all(0 < len(name) <= 63 and not set(name) & set('/\\<>:"|?*\n.') for name in names)


def test_what_a_visitor_calls_a_file_never_leads_anywhere(tmp_path):
    path = tmp_path / "upload.png"
    path.write_bytes(png())
    assert files(gather([path], ["../../etc/a\x00b\n.png"])) == ["a�b�.png"]
    assert reasons(gather([path], ["page.html"])) == {"page.html": "picture"}


def test_the_duplicate_check_looks_at_the_content(tmp_path):
    (tmp_path / "a.png").write_bytes(png(1))
    (tmp_path / "b.png").write_bytes(png(1))
    found = gather([tmp_path / "a.png", tmp_path / "b.png", pack(tmp_path / "c.zip", {"c.png": png(1)})])
    assert files(found) == ["a.png"] and reasons(found) == {"b.png": "duplicate", "c.zip/c.png": "duplicate"}
    assert "a.png" in found.refused[0].sentence


def test_of_copies_the_one_with_a_known_text_is_taken_in_the_place_of_the_first(tmp_path):
    plain = pack(tmp_path / "plain.zip", {"a.png": png(1), "b.png": png(2)})
    index = "file,text\n2.png,京A12345\n".encode()
    labelled = pack(tmp_path / "labelled.zip", {"index.csv": index, "1.png": png(1), "2.png": png(2), "3.png": png(3)})
    found = gather([plain, labelled])
    assert [(one.file, one.text) for one in found.sources] == [
        ("plain.zip/a.png", None),
        ("labelled.zip/2.png", "京A12345"),
        ("labelled.zip/3.png", None),
    ]
    assert [(one.file, one.reason, one.values["other"]) for one in found.refused] == [
        ("labelled.zip/1.png", "duplicate", "plain.zip/a.png"),
        ("plain.zip/b.png", "duplicate", "labelled.zip/2.png"),
    ]
    assert files(gather([labelled, plain])) == [f"labelled.zip/{number}.png" for number in (1, 2, 3)]


def test_duplicates_take_no_place_from_the_limit(tmp_path):
    seeds, two = [1, 1, 2, 3, 3], replace(BATCH, most=2)
    found = gather([pack(tmp_path / "a.zip", {f"{i}.png": png(seed) for i, seed in enumerate(seeds)})], limits=two)
    assert files(found) == ["a.zip/0.png", "a.zip/2.png"]
    assert [one.values.get("count") for one in found.refused if one.reason == "most"] == [1]


def test_a_picture_with_a_zip_behind_it_is_a_picture(tmp_path):
    inner = io.BytesIO()
    pack(inner, {"evil.png": b"x"})
    path = tmp_path / "both.png"
    path.write_bytes(png() + inner.getvalue())
    assert files(gather([path])) == ["both.png"]
    assert gather([path]).sources[0].plate()[0].ndim == 3
