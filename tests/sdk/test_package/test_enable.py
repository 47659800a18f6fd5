"""`enable` and `disable`, and the `.pth` file between them, which is in the way of nobody's start."""

import re

from conftest import OURS, PTH, SITE_PACKAGES, THEIRS, whose


def test_enable_serves_every_program_until_disable(python):
    said = python.says("-m", "bearerd", "enable", "wallaroo")
    try:
        assert str(PTH) in said
        assert python.says("-c", whose()) == OURS
        assert python.says("-I", "-c", whose()) == OURS
        # Twice served is served once.
        assert python.says("-m", "bearerd", "run", "-c", whose()) == OURS
        assert python.says("-m", "bearerd", "enable", "wallaroo") == said
    finally:
        python.says("-m", "bearerd", "disable", "wallaroo")
    assert not PTH.exists()
    assert python.says("-c", whose()) == THEIRS
    assert "not enabled" in python.says("-m", "bearerd", "disable", "wallaroo")


def test_the_pth_file_is_one_line_that_names_nothing_but_its_own(light_enabled):
    text = PTH.read_text()
    assert text.endswith("\n")
    assert text.count("\n") == 1
    assert text.startswith("import sys; ")
    said = light_enabled.says("-c", "import sys; print([n for n in sys.modules if 'bearerd' in n or 'wallaroo' in n])")
    assert said == "[]"


def test_an_unrelated_start_pays_less_than_a_millisecond(light_enabled):
    def microseconds():
        """What `site`, which executes the file, takes in all; the least of many, the rest is the machine's noise."""
        took = []
        for _ in range(15):
            ended = light_enabled("-X", "importtime", "-c", "pass")
            assert ended.returncode == 0
            assert "bearerd" not in ended.stderr, "nothing of ours is imported"
            site = re.search(r"import time:\s+(\d+) \|\s+\d+ \| site$", ended.stderr, re.MULTILINE)
            took.append(int(site[1]))
        return min(took)

    with_it = microseconds()
    aside = PTH.with_suffix(".aside")
    PTH.rename(aside)
    try:
        without = microseconds()
    finally:
        aside.rename(PTH)
    print(f"site takes {with_it} µs with the file, {without} µs without")
    assert with_it - without < 1000


def test_once_the_package_is_gone_the_file_says_nothing_and_the_sdk_is_its_own(light_enabled):
    package = SITE_PACKAGES / "bearerd"
    for kept in ["nothing", "an empty folder", "a folder with a broken module"]:
        aside = SITE_PACKAGES / "aside-bearerd"
        package.rename(aside)
        try:
            if kept != "nothing":
                package.mkdir()
            if kept == "a folder with a broken module":
                (package / "wallaroo.py").write_text("from . import nothing_of_that_name\n")
            assert light_enabled.says("-c", "print('started')") == "started"
            assert light_enabled.says("-c", whose()) == THEIRS, kept
        finally:
            for file in package.glob("**/*"):
                file.unlink()
            if package.exists():
                package.rmdir()
            aside.rename(package)
    assert light_enabled.says("-c", whose()) == OURS


def test_a_start_outlives_whatever_goes_wrong_in_the_file(light_enabled):
    # As if a module that it needs was broken: the name `sys` is all that it uses.
    broken = PTH.read_text().replace("sys.meta_path.insert", "sys.nothing_of_that_name")
    good = PTH.read_text()
    PTH.write_text(broken)
    try:
        assert light_enabled.says("-c", "print('started')") == "started"
        assert light_enabled.says("-c", whose()) == THEIRS
    finally:
        PTH.write_text(good)
