"""Clips: their frames, and the plates followed through them."""

import struct
import wave
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from lpsr.clip import Frame, follow, frames, is_clip, read_frames, track_clip
from lpsr.clip.sharpness import sharpness
from lpsr.data.generator import CLEAN, GeneratedPlate, generate, just
from lpsr.errors import InputError
from lpsr.images import save_png
from lpsr.locate import locate
from lpsr.readers import get_reader

ONE, OTHER = "京A12345", "粤B6789F"
SIZE = (320, 180)


def plate(text: str, width: int = 110) -> GeneratedPlate:
    return generate(1, 0, text=text, style=replace(CLEAN, width=just(width)))


def background(size: tuple[int, int] = SIZE) -> np.ndarray:
    coarse = np.random.default_rng(0).integers(60, 170, (6, 8, 1), dtype=np.uint8).repeat(3, axis=2)
    return cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)


def paste(canvas: np.ndarray, pasted: GeneratedPlate, x: int, y: int) -> np.ndarray:
    """The plate's corners in the canvas, on which its picture is laid."""
    height, width = pasted.picture.shape[:2]
    canvas[y : y + height, x : x + width] = pasted.picture
    return pasted.corners + np.float32([x, y])


def moving(count: int, *, step: int = 16) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Pictures of a plate that moves to the right and down, and its corners in each."""
    shown, pictures, corners = plate(ONE), [], []
    for number in range(count):
        canvas = background()
        corners.append(paste(canvas, shown, 10 + step * number, 40 + 3 * number))
        pictures.append(canvas)
    return pictures, corners


def write_video(path, pictures, fourcc: str = "mp4v", rate: float = 10):
    size = pictures[0].shape[1::-1]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*fourcc), rate, size)
    assert writer.isOpened()
    for picture in pictures:
        writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    writer.release()
    return path


def as_frames(pictures) -> list[Frame]:
    return [Frame(number, None, picture) for number, picture in enumerate(pictures)]


def numbered(count: int) -> list[np.ndarray]:
    """Pictures of 64 × 48 pixels that show their number in six bars, white for a set bit."""
    bars = (np.arange(count)[:, None] >> np.arange(6)) & 1
    return [
        np.full((48, 64, 3), 255, np.uint8) * np.repeat(row, [10] * 5 + [14])[:, None].astype(np.uint8) for row in bars
    ]


def numbers(clip) -> list[int]:
    return [int(((frame.picture[24, 5:60:10, 1] > 128) << np.arange(6)).sum()) for frame in clip]


def error_of(corners: np.ndarray, truth: np.ndarray) -> float:
    """Mean distance of the corners as a share of the plate's width."""
    return float(np.linalg.norm(corners - truth, axis=1).mean() / np.linalg.norm(truth[1] - truth[0]))


# Frames


@pytest.mark.parametrize(("name", "fourcc"), [("clip.mp4", "mp4v"), ("clip.avi", "MJPG"), ("clip.webm", "VP80")])
def test_frames_of_a_video_are_spread_evenly_and_know_when_they_are(tmp_path, name, fourcc):
    clip = read_frames(write_video(tmp_path / name, numbered(60), fourcc), most=4)
    assert len(clip) == 4
    # By seeking (gaps of 20), then by walking.
    assert [frame.index for frame in clip] == [0, 20, 39, 59]
    assert numbers(clip) == [0, 20, 39, 59]
    assert [frame.seconds for frame in clip] == pytest.approx([0, 2, 3.9, 5.9], abs=0.002)
    assert numbers(read_frames(tmp_path / name, most=100)) == list(range(60))


def test_the_content_tells_what_a_file_is_not_its_name(tmp_path):
    path = write_video(tmp_path / "clip.mp4", numbered(3)).rename(tmp_path / "clip.jpg")
    assert is_clip(path)
    assert numbers(read_frames(path)) == [0, 1, 2]


def test_a_video_without_its_length_is_counted(tmp_path):
    data = write_video(tmp_path / "clip.webm", numbered(60), "VP80").read_bytes()
    start = data.index(b"\x44\x89\x88")
    # "Duration" becomes "Void", and the index is gone, as in what a browser records.
    data = data[:start] + b"\xec\x89" + bytes(9) + data[start + 11 : data.rindex(b"\x1c\x53\xbb\x6b")]
    (tmp_path / "live.webm").write_bytes(data)
    assert numbers(read_frames(tmp_path / "live.webm", most=4)) == [0, 20, 39, 59]


def test_a_videos_rotation_is_respected(tmp_path):
    picture = np.zeros((48, 96, 3), np.uint8)
    picture[:24, :48] = 255
    data = write_video(tmp_path / "clip.mp4", [picture] * 3).read_bytes()
    # The matrix of the track header, which phones turn by a quarter.
    matrix = data.index(b"tkhd") + 44
    quarter = struct.pack(">9i", 0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000)
    (tmp_path / "turned.mp4").write_bytes(data[:matrix] + quarter + data[matrix + 36 :])
    first, *_ = read_frames(tmp_path / "turned.mp4")
    assert first.picture.shape == (96, 48, 3)
    # What was top left is top right.
    assert [first.picture[y, x].mean() > 128 for y, x in ((12, 8), (12, 40), (84, 8), (84, 40))] == [0, 1, 0, 0]


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_animations(tmp_path, suffix):
    path = tmp_path / f"clip.{suffix}"
    first, *rest = [Image.fromarray(picture) for picture in numbered(9)]
    first.save(path, save_all=True, append_images=rest, duration=250, lossless=True)
    assert is_clip(path)
    clip = read_frames(path, most=3)
    assert numbers(clip) == [0, 4, 8]
    assert [frame.seconds for frame in clip] == [0, 1, 2]


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_frames_that_last_differently_are_timed_rightly_also_where_some_are_passed_over(tmp_path, suffix):
    path = tmp_path / f"clip.{suffix}"
    first, *rest = [Image.fromarray(picture) for picture in numbered(5)]
    first.save(path, save_all=True, append_images=rest, duration=[100, 500, 100, 300, 100], lossless=True)
    assert [frame.seconds for frame in read_frames(path, most=2)] == pytest.approx([0, 1])
    assert [frame.seconds for frame in read_frames(path)] == pytest.approx([0, 0.1, 0.6, 0.7, 1])


def test_a_burst_is_a_folder_in_the_order_of_the_numbers_or_a_list(tmp_path):
    for number, picture in enumerate(numbered(12)):
        save_png(tmp_path / f"IMG_{number}.png", picture)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / ".IMG_3.png").write_text("no picture either")
    clip = read_frames(tmp_path, most=4)
    assert numbers(clip) == [0, 4, 7, 11]
    assert [frame.seconds for frame in clip] == [None] * 4
    assert numbers(read_frames([tmp_path / "IMG_9.png", tmp_path / "IMG_2.png"])) == [9, 2]
    assert not is_clip(tmp_path / "IMG_9.png")


def test_a_picture_of_a_burst_is_turned_as_its_exif_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20)).save(tmp_path / "a.jpg", exif=exif)
    (frame,) = read_frames(tmp_path)
    assert frame.picture.shape == (40, 20, 3)


def test_one_frame_at_a_time_is_read_and_the_file_is_released(tmp_path, monkeypatch):
    path = write_video(tmp_path / "clip.mp4", numbered(5))
    opened = []
    real = cv2.VideoCapture

    def watched(*arguments):
        capture = real(*arguments)
        opened.append(capture)
        return capture

    monkeypatch.setattr(frames.cv2, "VideoCapture", watched)
    clip = read_frames(path)

    def fail(done, count):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        follow(clip, progress=fail)
    assert len(opened) == 2
    assert not any(capture.isOpened() for capture in opened)


def damaged_videos(folder):
    """Files that no frame can be read of, by name, and what their sentence says."""
    video = write_video(folder / "good.mp4", numbered(20)).read_bytes()
    (folder / "text.mp4").write_text("this is no video\n" * 50)
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "truncated.mp4").write_bytes(video[: len(video) // 2])
    (folder / "sound.mp4").write_bytes(video.replace(b"vide", b"soun"))
    (folder / "noise.mp4").write_bytes(video[:48] + np.random.default_rng(0).bytes(9000))
    (folder / "playlist.mp4").write_text("#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n")
    (folder / "concat.avi").write_text("ffconcat version 1.0\nfile good.mp4\n")
    start = video.index(b"mdat")
    (folder / "frames.mp4").write_bytes(video[: start + 4] + bytes(len(video) - start - 4))
    with wave.open(str(folder / "sound.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(8000))
    (folder / "half.gif").write_bytes(b"GIF89a" + bytes(5))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("text.mp4", "no video or animation"),
        ("empty.mp4", "empty"),
        ("truncated.mp4", "damaged"),
        ("sound.mp4", "sound alone"),
        ("sound.wav", "no video or animation"),
        ("noise.mp4", "damaged"),
        ("playlist.mp4", "no video or animation"),
        ("concat.avi", "no video or animation"),
        ("frames.mp4", "damaged"),
        ("half.gif", "no video|damaged"),
        ("missing.mp4", "There is no file"),
        ("nul\0.mp4", "may not be read"),
        ("nothing", "holds no pictures"),
    ],
)
def test_what_cannot_be_read_is_said_in_a_sentence(tmp_path, name, sentence):
    damaged_videos(tmp_path)
    (tmp_path / "nothing").mkdir()
    with pytest.raises(InputError, match=sentence):
        list(read_frames(tmp_path / name))


def test_of_a_video_cut_off_in_the_middle_the_frames_before_are_read(tmp_path):
    data = write_video(tmp_path / "clip.avi", numbered(40), "MJPG").read_bytes()
    start = data.index(b"movi")
    (tmp_path / "clip.avi").write_bytes(data[: start + (len(data) - start) // 2])
    read = numbers(read_frames(tmp_path / "clip.avi", most=40))
    assert read == list(range(len(read)))
    assert 10 < len(read) < 30


@pytest.mark.parametrize(
    ("bound", "value", "sentence"),
    [("MAX_BYTES", 100, "MB"), ("MAX_SECONDS", 3, "longer than"), ("MAX_PIXELS", 3000, "megapixels")],
)
@pytest.mark.parametrize("name", ["clip.mp4", "live.webm"])
def test_bounds_of_a_video(tmp_path, monkeypatch, name, bound, value, sentence):
    path = write_video(tmp_path / name, numbered(60), "mp4v" if name == "clip.mp4" else "VP80")
    if name == "live.webm":
        data = path.read_bytes()
        start = data.index(b"\x44\x89\x88")
        path.write_bytes(data[:start] + b"\xec\x89" + bytes(9) + data[start + 11 :])
    monkeypatch.setattr(frames, bound, value)
    with pytest.raises(InputError, match=sentence):
        read_frames(path)


@pytest.mark.parametrize("bound", ["MAX_PIXELS", "MAX_ANIMATED_PIXELS"])
def test_bounds_of_an_animation(tmp_path, monkeypatch, bound):
    first, *rest = [Image.fromarray(picture) for picture in numbered(9)]
    first.save(tmp_path / "clip.gif", save_all=True, append_images=rest)
    assert len(read_frames(tmp_path / "clip.gif")) == 9
    monkeypatch.setattr(frames, bound, 3000)
    with pytest.raises(InputError, match="64 × 48 pixels"):
        read_frames(tmp_path / "clip.gif")


# Tracks


@pytest.mark.parametrize(("name", "fourcc"), [("clip.mp4", "mp4v"), ("clip.avi", "MJPG")])
def test_a_plate_is_followed_through_a_video_and_the_sharpest_come_first(tmp_path, name, fourcc):
    pictures, truth = moving(7)
    pictures[1] = cv2.blur(pictures[1], (9, 1))
    pictures[4] = cv2.GaussianBlur(pictures[4], (0, 0), 2)
    steps = []
    tracks = track_clip(
        write_video(tmp_path / name, pictures, fourcc),
        reader=get_reader(),
        progress=lambda done, count: steps.append((done, count)),
    )
    assert steps == [(number, 7) for number in range(1, 8)]
    (track,) = tracks
    assert track.text == ONE
    assert [sighting.index for sighting in track.sightings] == list(range(7))
    assert all(error_of(sighting.corners, truth[sighting.index]) < 0.04 for sighting in track.sightings)
    assert [sighting.index for sighting in track.best()][-2:] == [1, 4]
    assert track.best(2) == track.best()[:2]
    for sighting in track.sightings:
        assert sighting.view.text == sighting.reading.plate_text
        assert error_of(sighting.view.corners - sighting.view.corners[0], truth[0] - truth[0][0]) < 0.05


def test_the_json_has_the_frames_sharpest_first(tmp_path):
    pictures, truth = moving(3)
    pictures[0] = cv2.blur(pictures[0], (9, 1))
    (track,) = track_clip(write_video(tmp_path / "clip.mp4", pictures), reader=get_reader())
    written = track.to_json()
    assert written["text"] == ONE
    assert sorted(frame["frame"] for frame in written["frames"]) == [0, 1, 2]
    assert written["frames"][-1]["frame"] == 0
    for frame in written["frames"]:
        assert frame["seconds"] == pytest.approx(frame["frame"] / 10)
        assert error_of(np.array(frame["corners"]), truth[frame["frame"]]) < 0.04
        assert 0.5 <= frame["score"] <= 1
    sharp = [frame["sharpness"] for frame in written["frames"]]
    assert sharp == sorted(sharp, reverse=True)


@pytest.mark.parametrize("read", [False, True])
def test_two_plates_that_cross_stay_two_tracks(read):
    one, other, pictures, truth = plate(ONE, 100), plate(OTHER, 100), [], []
    for number in range(9):
        canvas = background()
        truth.append((paste(canvas, one, 5 + 21 * number, 20), paste(canvas, other, 173 - 21 * number, 95)))
        pictures.append(canvas)
    tracks = follow(as_frames(pictures), reader=get_reader() if read else None)
    assert len(tracks) == 2
    for track in tracks:
        assert [sighting.index for sighting in track.sightings] == list(range(9))
        which = [error_of(sighting.corners, truth[sighting.index][0]) < 0.05 for sighting in track.sightings]
        assert len(set(which)) == 1
    assert {track.text for track in tracks} == ({ONE, OTHER} if read else {None})


def test_a_plate_that_was_hidden_goes_on_with_its_track():
    one, other, pictures, truth = plate(ONE, 100), plate(OTHER, 100), [], []
    for number in range(9):
        canvas = background((420, 160))
        behind = paste(canvas, other, 270 - 32 * number, 50)
        truth.append((paste(canvas, one, 10 + 32 * number, 50), behind))
        pictures.append(canvas)
    tracks = follow(as_frames(pictures), reader=get_reader())
    assert {track.text for track in tracks} == {ONE, OTHER}
    for track in tracks:
        side = [ONE, OTHER].index(track.text)
        assert {0, 1, 2, 6, 7, 8} <= {sighting.index for sighting in track.sightings}
        for sighting in track.sightings:
            mine, its = (error_of(sighting.corners, truth[sighting.index][which]) for which in (side, 1 - side))
            assert mine < its


def test_another_plate_in_the_same_place_is_another_track():
    pictures = []
    for text in (ONE, ONE, OTHER, OTHER):
        canvas = background()
        paste(canvas, plate(text), 60, 50)
        pictures.append(canvas)
    tracks = follow(as_frames(pictures), reader=get_reader())
    assert {track.text: [sighting.index for sighting in track.sightings] for track in tracks} == {
        ONE: [0, 1],
        OTHER: [2, 3],
    }


def test_in_a_burst_the_plate_may_be_anywhere_and_of_any_size(tmp_path):
    for number, (x, y, width) in enumerate([(10, 20, 90), (180, 120, 130), (20, 140, 110)]):
        canvas = background((400, 240))
        paste(canvas, plate(ONE, width), x, y)
        save_png(tmp_path / f"{number}.png", canvas)
    (track,) = track_clip(tmp_path, reader=get_reader())
    assert [sighting.index for sighting in track.sightings] == [0, 1, 2]
    # The largest is the sharpest.
    assert [sighting.index for sighting in track.best()] == [1, 2, 0]


def test_where_there_is_no_plate_there_is_no_track(tmp_path):
    assert track_clip(write_video(tmp_path / "clip.mp4", [background()] * 3), reader=get_reader()) == []


def test_a_plate_that_leaves_ends_its_track():
    pictures, _ = moving(3)
    (track,) = follow(as_frames(pictures + [background()] * 3))
    assert [sighting.index for sighting in track.sightings] == [0, 1, 2]


def test_a_plate_is_as_certain_as_in_a_photo():
    (frame,) = as_frames(moving(1)[0])
    (found,) = locate(frame.picture, reader=get_reader())
    (track,) = follow([frame], reader=get_reader())
    assert track.sightings[0].certainty == track.certainty == found.score
    (track,) = follow([frame])
    assert track.certainty == track.sightings[0].score > found.score


@pytest.mark.parametrize(("count", "tracks"), [(3, 1), (6, 0)])
def test_what_is_seen_once_in_many_frames_and_not_read_is_no_plate(count, tracks):
    pictures, _ = moving(1)
    assert len(follow(as_frames(pictures + [background()] * (count - 1)))) == tracks


def test_a_plate_seen_once_is_one_if_it_is_read_surely():
    pictures, _ = moving(1)
    (track,) = follow(as_frames(pictures + [background()] * 5), reader=get_reader())
    assert track.text == ONE


def test_stopped_early_what_was_found_is_kept():
    done = []
    pictures, _ = moving(5)
    (track,) = follow(
        as_frames(pictures),
        progress=lambda number, count: done.append(number),
        should_stop=lambda: len(done) == 2,
    )
    assert done == [1, 2]
    assert len(track.sightings) == 2


def test_sharpness_orders_blur_and_does_not_grow_with_enlarging():
    shown = plate(ONE, 160)
    x0, y0 = np.rint(shown.corners[0]).astype(int)
    x1, y1 = np.rint(shown.corners[2]).astype(int)
    sharp = shown.picture[y0:y1, x0:x1]
    blurred = [sharpness(cv2.GaussianBlur(sharp, (0, 0), sigma)) for sigma in (0.4, 1.0, 1.6, 2.4)]
    assert [sharpness(sharp), *blurred] == sorted([sharpness(sharp), *blurred], reverse=True)
    small = cv2.resize(sharp, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    large = cv2.resize(small, sharp.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    assert sharpness(large) == pytest.approx(sharpness(small), rel=0.15)
    assert sharpness(large) < 0.7 * sharpness(sharp)
    for kernel in ((7, 1), (1, 7)):
        # Motion, which leaves the other direction as it was.
        assert sharpness(cv2.blur(sharp, kernel)) < 0.7 * sharpness(sharp)
    assert sharpness(np.full((20, 60, 3), 90, np.uint8)) >= 1
