#!/usr/bin/env python3
"""Uses liblms as a stranger does, from a project outside.

    consumer.py installed BUILD CXX…   installs BUILD to a temporary prefix; by pkg-config and by CMake, the shared and
                                       the static library, also after the prefix was moved; what the library exports
    consumer.py core BUILD CXX…        builds the core alone as a static Meson subproject, in BUILD/consumer-core, then
                                       installs that and uses it: nothing of Pistache, SQLite or libcurl may be linked
    consumer.py abi BUILD              compares the library with that of the last tag of the same minor version;
                                       exit 77, skipped, if there is none, or no abidiff
    consumer.py --self-test            sees that a foreign or internal symbol is noticed
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECT = Path(__file__).resolve().parent / "project"
WARNINGS = ["-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
SKIPPED = 77
CORE_ONLY = re.compile(r"pistache|sqlite|llhttp|curl", re.IGNORECASE)


def run(*command, **environment):
    """Runs it and returns what it says; ends the test if it fails."""
    done = subprocess.run([str(part) for part in command], env={**os.environ, **environment}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}\nexit code {done.returncode}")
    return done.stdout


def require(condition, complaint):
    if not condition:
        sys.exit(complaint)


def outside_project(folder):
    folder.mkdir()
    for file in PROJECT.iterdir():
        shutil.copy(file, folder)
    shutil.copy(ROOT / "examples/embed_minimal.cpp", folder / "school.cpp")
    return folder


class Installed:
    """An installation of liblms, wherever it is."""

    def __init__(self, destination):
        package = next(destination.rglob("liblms.pc"))
        self.packages = package.parent
        self.libraries = package.parent.parent
        self.prefix = next(destination.rglob("include/lms/lms.hpp")).parents[2]

    def pkg_config(self, *asked):
        return run("pkg-config", *asked, PKG_CONFIG_PATH=str(self.packages)).split()

    def try_pkg_config(self, folder, compiler, static=False):
        """Builds and runs one program with the library, one with the testing library."""
        for program, package in (("school", "liblms"), ("check", "liblms-testing")):
            flags = self.pkg_config(*(["--static"] if static else []), "--cflags", "--libs", package)
            for flag in flags if not static else []:
                foreign = not flag.startswith(("-llms", "-I/", "-L/")) or \
                    flag[:2] in ("-I", "-L") and not Path(flag[2:]).resolve().is_relative_to(self.prefix.resolve())
                require(not foreign, f"{package}.pc asks a consumer for {flag}, which is no business of theirs; in an "
                                     "old build folder: meson configure -Dpkgconfig.relocatable=true")
            binary = folder / f"{program}-by-pkg-config"
            run(*compiler, *WARNINGS, folder / f"{program}.cpp", *flags, "-o", binary)
            self.run_linked(binary, static)

    def try_cmake(self, folder, static=False):
        build = folder / "build-cmake"
        shutil.rmtree(build, ignore_errors=True)
        run("cmake", "-G", "Ninja", "-S", folder, "-B", build, f"-DCMAKE_PREFIX_PATH={self.prefix}",
            "-DCMAKE_CXX_FLAGS=" + " ".join(WARNINGS[1:]), *(["-Dlms_USE_STATIC_LIBS=ON"] if static else []))
        run("cmake", "--build", build, "--parallel", "2")
        for program in ("school", "check"):
            self.run_linked(build / program, static)

    def run_linked(self, binary, static):
        linked = "liblms.so" in needed(binary)
        require(linked != static, f"{binary} is {'' if linked else 'not '}linked with liblms.so")
        run(binary, LD_LIBRARY_PATH=str(self.libraries))


def project_version():
    return re.search(r"version: '([\d.]+)'", (ROOT / "meson.build").read_text(encoding="utf-8"))[1]


def needed(binary):
    return "\n".join(line for line in run("readelf", "-d", binary).splitlines() if "(NEEDED)" in line)


def install(build, place):
    run("meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", place)
    return Installed(place)


# --- what the library exports ---

def exported_names(include):
    """The names that public headers mark with LMS_API, and the namespaces and plain structs that hold such."""
    names, scopes = set(), set()
    for header in include.rglob("*.hpp"):
        text = re.sub(r"//.*", "", header.read_text(encoding="utf-8"))
        for namespace in re.findall(r"^namespace ([\w:]+)", text, re.MULTILINE):
            scopes.update(namespace.split("::"))
        scopes.update(re.findall(r"^(?:class|struct) (\w+) (?:final )?[{:]", text, re.MULTILINE))
        names.update(re.findall(r"\b(?:class|struct) LMS_API (\w+)", text))
        for declaration in re.findall(r"(?<!class )(?<!struct )\bLMS_API ([^;{(]+)", text):
            names.update(re.findall(r"(\w+) *(?=,|$)", declaration.strip()))
    return names, scopes - names


OF_LMS = re.compile(r"_Z(T[ISTV]|GV|T[hv].*_)?NK?3lms")


def foreign_symbols(symbols, names, scopes):
    """Those of the mangled symbols that no public header declares, demangled."""
    def is_public(symbol, demangled):
        if not OF_LMS.match(symbol):
            return False
        parts = re.findall(r"\w+", demangled[demangled.index("lms::"):])
        return next((part for part in parts if part not in scopes), None) in names
    demangled = run("c++filt", *symbols).splitlines()
    return [name for symbol, name in zip(symbols, demangled, strict=True) if not is_public(symbol, name)]


def check_exports(installed):
    library = installed.libraries / "liblms.so"
    version = project_version().rpartition(".")[0]
    soname = re.search(r"SONAME.*\[(.*)\]", run("readelf", "-d", library))[1]
    require(soname == f"liblms.so.{version}", f"SONAME is {soname}; a minor version has its own: liblms.so.{version}")
    symbols = [line.split(" ", 2)[2] for line in run("nm", "-D", "--defined-only", library).splitlines()]
    require(len(symbols) > 100, f"{library} exports {len(symbols)} symbols only")
    foreign = foreign_symbols(symbols, *exported_names(installed.prefix / "include"))
    require(not foreign, "liblms.so exports what no public header declares with LMS_API:\n" + "\n".join(foreign[:20]))


def self_test():
    names, scopes = {"Lms", "parse_json", "name", "check"}, {"lms", "http", "Policy"}
    for symbol, is_foreign in [
        ("_ZN3lms3Lms5startEm", False),                             # lms::Lms::start(unsigned long)
        ("_ZNK3lms3Lms8settingsEv", False),                         # lms::Lms::settings() const
        ("_ZN3lms4http4nameENS0_6MethodE", False),                  # lms::http::name(lms::http::Method)
        ("_ZN3lms4nameB5cxx11ENS_9ErrorCodeE", False),              # lms::name[abi:cxx11](lms::ErrorCode)
        ("_ZTVN3lms3LmsE", False),                                  # vtable for lms::Lms
        ("_ZNK3lms6Policy5checkEv", False),                         # lms::Policy::check() const
        ("_ZNK3lms6Policy6hiddenEv", True),                         # lms::Policy::hidden() const
        ("_ZN3lms3sql7SessionC1Ev", True),                          # lms::sql::Session::Session()
        ("_ZN3lms6foldedEi", True),                                 # lms::folded(int)
        ("_ZN6SQLite8Database4execEPKc", True),                     # SQLite::Database::exec(char const*)
        ("_ZSt6__copyIN3lms3LmsEEPT_S3_", True),                    # lms::Lms* std::__copy<lms::Lms>(lms::Lms*)
        ("_ZTIN6spdlog5sinks4sinkE", True),                         # typeinfo for spdlog::sinks::sink
        ("main", True),
    ]:
        require(bool(foreign_symbols([symbol], names, scopes)) == is_foreign, f"misjudged: {symbol}")
    found, _ = exported_names(ROOT / "include")
    for name in ("Lms", "parse_json", "Storage", "course_created", "open_memory_storage", "Predicate", "stored_schemas"):
        require(name in found, f"{name} is not seen to be marked with LMS_API")


# --- the three tests ---

def try_installed(build, compiler):
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        project = outside_project(place / "project")
        installed = install(build, place / "first")
        check_exports(installed)
        installed.try_pkg_config(project, compiler)
        installed.try_cmake(project)

        (place / "first").rename(place / "moved")
        installed = Installed(place / "moved")
        installed.try_pkg_config(project, compiler)
        installed.try_cmake(project)
        if not (installed.libraries / "liblms.a").exists():
            print("this build has no static library: meson configure -Ddefault_library=both")
            sys.exit(SKIPPED)
        installed.try_cmake(project, static=True)
        for shared in installed.libraries.glob("liblms.so*"):
            shared.unlink()
        installed.try_pkg_config(project, compiler, static=True)


def try_core(build, compiler):
    place = build / "consumer-core"  # always the same one: the compiler's cache then knows its files
    shutil.rmtree(place, ignore_errors=True)
    project = outside_project(place)
    (project / "subprojects").mkdir()
    (project / "subprojects/liblms").symlink_to(ROOT)
    subbuild = project / "build"
    run("meson", "setup", subbuild, project, "--wrap-mode=forcefallback", "--buildtype=plain", "-Doptimization=0",
        "-Dpkgconfig.relocatable=true", CXX=" ".join(compiler))
    run("nice", "ninja", "-C", subbuild, "all")
    for program in ("school", "check"):
        commands = run("ninja", "-C", subbuild, "-t", "commands", program)
        link = commands.splitlines()[-1]
        require(" -o school" in link or " -o check" in link, f"this is no link line: {link}")
        require(not CORE_ONLY.search(link), f"the core alone is linked with more: {link}")
        require("liblms.so" not in needed(subbuild / program), "the subproject was not linked statically")
        run(subbuild / program)

    installed = install(subbuild, place / "installed")
    require(not (installed.prefix / "include/lms/backends/sqlite.hpp").exists(),
            "the core offers backends/sqlite.hpp, which it does not have")
    flags = installed.pkg_config("--static", "--libs", "liblms")
    require(not CORE_ONLY.search(" ".join(flags)), f"liblms.pc of the core: {flags}")
    installed.try_pkg_config(project, compiler, static=True)
    installed.try_cmake(project, static=True)
    for binary in (project / "school-by-pkg-config", project / "build-cmake/school"):
        require(not CORE_ONLY.search(needed(binary)), f"the core alone needs more: {needed(binary)}")


def try_abi(build):
    version = project_version().rpartition(".")[0]
    tags = subprocess.run(["git", "-C", ROOT, "tag", "--list", f"v{version}.*", "--sort=-version:refname"], text=True,
                          capture_output=True).stdout.split()
    if not tags or shutil.which("abidiff") is None:
        print("there is no abidiff" if tags else f"there is no tag v{version}.* to compare with")
        sys.exit(SKIPPED)
    place = build / "consumer-abi"  # always the same one: the compiler's cache then knows its files
    shutil.rmtree(place, ignore_errors=True)
    source = place / "source"
    source.mkdir(parents=True)
    archive = place / "source.tar"
    run("git", "-C", ROOT, "archive", "-o", archive, tags[0])
    run("tar", "-xf", archive, "-C", source)

    def library(project, name, number):
        """The library with what abidiff reads types from, which the build under test is without."""
        run("meson", "setup", place / name, project, "--buildtype=debug", "-Dtests=disabled", "-Dexamples=disabled",
            "-Dserver=auto", "-Dsqlite=enabled")
        file = f"liblms/liblms.so.{number}"
        run("nice", "ninja", "-C", place / name, file)
        return place / name / file
    # Destructors and the like that the compiler makes of itself come and go; every consumer has its own.
    print(run("abidiff", "--no-added-syms", "--no-unreferenced-symbols", "--headers-dir1", source / "include",
              "--headers-dir2", ROOT / "include", library(source, "before", tags[0].removeprefix("v")),
              library(ROOT, "now", project_version())))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--self-test"]:
            self_test()
        case ["installed", build, *compiler] if compiler:
            try_installed(Path(build), compiler)
        case ["core", build, *compiler] if compiler:
            try_core(Path(build), compiler)
        case ["abi", build]:
            try_abi(Path(build))
        case _:
            sys.exit(__doc__)
