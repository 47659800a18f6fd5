"""Every way in which the SDK comes to be served but `enable`: `install()`, `run` with its children."""

import subprocess
import sys
import textwrap

import pytest

from conftest import OURS, SITE_PACKAGES, THEIRS, whose


def test_left_alone_the_sdk_is_its_own(python):
    assert python.says("-c", whose()) == THEIRS


def test_install_serves_an_sdk_that_is_imported_already_and_one_that_comes_later(light):
    install = "import bearerd.wallaroo; bearerd.wallaroo.install()"
    assert light.says("-c", whose(install)) == OURS
    assert light.says("-c", whose("import wallaroo", install)) == OURS
    assert light.says("-c", whose(install, install, "import wallaroo", install)) == OURS


def test_an_sdk_that_is_reloaded_or_imported_once_more_is_served_with_its_new_classes(light):
    program = """
        import importlib, sys
        import bearerd.wallaroo
        bearerd.wallaroo.install()
        import wallaroo.auth as auth

        def show():
            made = auth.create("http://127.0.0.1:1", "test_auth")
            print(auth.create.__module__, auth.logout.__module__, type(made) is auth._TestAuth)

        show()
        importlib.reload(auth)
        show()
        for name in ("wallaroo", "wallaroo.auth"):
            del sys.modules[name]
        import wallaroo.auth as auth
        show()
    """
    assert light.says("-c", textwrap.dedent(program)).splitlines() == 3 * [f"{OURS} {OURS} True"]


def test_install_does_not_import_the_sdk(python):
    said = "import sys, bearerd.wallaroo as b; b.install(); print('wallaroo' in sys.modules)"
    assert python.says("-c", said) == "False"


def test_objects_are_the_sdks_own_classes(python):
    program = """
        import bearerd.wallaroo
        bearerd.wallaroo.install()
        import wallaroo.auth as auth, wallaroo.deployment as deployment
        print(issubclass(bearerd._sdk.SdkAuth, deployment._PlatformAuth))
        print(type(auth.create("http://127.0.0.1:1", "none")) is auth._NoAuth)
        print(type(auth.create("http://127.0.0.1:1", "test_auth")) is auth._TestAuth)
        try:
            auth.create("http://127.0.0.1:1", "sso")
        except auth.TokenFetchError as error:
            print(type(error).__name__)
        import pickle
        error = pickle.loads(pickle.dumps(bearerd._sdk.SdkTokenRefreshError("why", 503)))
        print(isinstance(error, auth.TokenRefreshError), error, error.code)
        print(auth.logout())
        import inspect
        print("def create" in inspect.getsource(auth))
    """
    said = python.says("-c", textwrap.dedent(program)).splitlines()
    expected = ["True", "True", "True", "SdkTokenFetchError", "True [HTTP 503] why 503", "None", "True"]
    assert said == expected


def test_a_debugging_print_of_a_request_shows_no_bearer(python):
    program = """
        import os
        os.environ["WALLAROO_DEBUG_HTTPX"] = "1"
        import bearerd.wallaroo
        bearerd.wallaroo.install()
        import httpx, wallaroo, wallaroo.http_utils as http_utils
        wallaroo.auth.create("http://127.0.0.1:1", "none")
        request = httpx.Request("GET", "http://platform.test/", headers={"Authorization": "Bearer secret"})
        http_utils._log_httpx_request(request)
        print(request.headers["Authorization"])
    """
    said = python.says("-c", textwrap.dedent(program))
    assert said.count("secret") == 1, said
    assert said.endswith("Bearer secret")
    assert "REDACTED" in said


def test_run_takes_a_file_a_module_and_code(light):
    (light.folder / "app.py").write_text(
        whose("import sys, __main__", "print(sys.argv, sys.path[0], __main__.__file__)")
    )
    expected = f"['app.py', '-x', '--', 'y'] {light.folder} {light.folder}/app.py\n{OURS}"
    said = light.says("-m", "bearerd", "run", "app.py", "-x", "--", "y")
    assert said.replace(" app.py\n", f" {light.folder}/app.py\n") == expected
    (light.folder / "package").mkdir()
    (light.folder / "package/__main__.py").write_text(whose("import sys", "print(sys.argv[1:])"))
    assert light.says("-m", "bearerd", "run", "-m", "package", "a").splitlines() == ["['a']", OURS]
    said = light.says("-m", "bearerd", "run", "-c", whose("import sys", "print(sys.argv)"), "a", "-b")
    assert said.splitlines() == ["['-c', 'a', '-b']", OURS]


def test_run_hands_on_the_exit_code_and_the_options_of_the_interpreter(python):
    ended = python("-m", "bearerd", "run", "-c", "import sys; sys.exit(7)")
    assert ended.returncode == 7
    said = python.says("-O", "-X", "dev", "-W", "ignore", "-m", "bearerd", "run", "-c", SHOW_FLAGS)
    assert said == "1 True ['ignore']"
    ended = python("-I", "-m", "bearerd", "run", "-c", "pass")
    assert ended.returncode == 1
    assert "-I, -E or -S" in ended.stderr


SHOW_FLAGS = "import sys; print(sys.flags.optimize, sys.flags.dev_mode, sys.warnoptions[-1:])"


@pytest.mark.parametrize("arguments", [[], ["run"], ["run", "-x"], ["enable"], ["enable", "flask"], ["run", "-m"]])
def test_what_is_no_command_is_told_how_they_go(python, arguments):
    ended = python("-m", "bearerd", *arguments)
    assert ended.returncode == 2
    assert ended.stderr.startswith("usage: python -m bearerd run")


def test_children_are_served_whichever_way_they_start(light):
    (light.folder / "app.py").write_text(
        textwrap.dedent("""
            import multiprocessing, subprocess, sys

            def whose(queue):
                import wallaroo.auth
                queue.put(wallaroo.auth.create.__module__)

            if __name__ == "__main__":
                for method in ["spawn", "forkserver", "fork"]:
                    context = multiprocessing.get_context(method)
                    queue = context.SimpleQueue()
                    process = context.Process(target=whose, args=(queue,))
                    process.start()
                    print(method, queue.get())
                    process.join()
                code = "import wallaroo.auth; print('child', wallaroo.auth.create.__module__)"
                sys.stdout.flush()
                subprocess.run([sys.executable, "-c", code], check=True)
                grandchild = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])"
                subprocess.run([sys.executable, "-c", grandchild], check=True)
        """)
    )
    said = light.says("-m", "bearerd", "run", "app.py").splitlines()
    expected = [f"{method} {OURS}" for method in ["spawn", "forkserver", "fork", "child", "child"]]
    assert said == expected


def test_a_jupyter_kernel_is_served(python):
    program = """
        from jupyter_client.manager import KernelManager
        manager = KernelManager(kernel_name="python3")
        manager.start_kernel()
        client = manager.blocking_client()
        client.start_channels()
        client.wait_for_ready(timeout=120)
        def show(message):
            if message["msg_type"] == "stream":
                print(message["content"]["text"], end="")
        client.execute_interactive("import wallaroo.auth as a; print(a.create.__module__)",
                                   timeout=240, output_hook=show)
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    """
    ended = python("-m", "bearerd", "run", "-c", textwrap.dedent(program))
    assert ended.stdout.strip() == OURS, ended


def test_a_child_keeps_its_own_sitecustomize_and_its_path(python):
    other = python.folder / "other"
    other.mkdir()
    (other / "sitecustomize.py").write_text("print('its own sitecustomize')\n")
    program = "import sys, sitecustomize; print(sitecustomize.__file__); print([p for p in sys.path if '_children' in p])"
    said = python.says("-m", "bearerd", "run", "-c", program, PYTHONPATH=str(other))
    # The first line is that of the interpreter that becomes the program.
    assert said.splitlines() == ["its own sitecustomize"] * 2 + [f"{other}/sitecustomize.py", "[]"]


def test_an_interpreter_without_our_package_is_served_too(light, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", other], check=True)
    packages = next(other.glob("lib/python3*/site-packages"))
    cached = (SITE_PACKAGES / "cached.pth").read_text()
    (packages / "cached.pth").write_text(cached)
    code = f"import subprocess; subprocess.run([{str(other / 'bin/python')!r}, '-c', {whose()!r}], check=True)"
    assert light.says("-m", "bearerd", "run", "-c", code) == OURS
    assert light.says("-c", code) == THEIRS


def test_without_an_sdk_install_and_enable_say_so(python, tmp_path):
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "bearerd").symlink_to(SITE_PACKAGES / "bearerd")
    program = f"import sys; sys.path[:] = [p for p in sys.path if 'site-packages' not in p] + [{str(bare)!r}]; "
    ended = python("-S", "-c", program + "import bearerd.wallaroo; bearerd.wallaroo.install()")
    assert ended.returncode == 1
    assert "there is no package `wallaroo` in this environment" in ended.stderr
