"""On what was measured: the machine, the versions and the commit."""
import hashlib
import importlib.metadata
import json
import pathlib
import subprocess
import time

PACKAGES = {"torch": "PyTorch", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO", "ctranslate2": "CTranslate2",
            "llama-cpp-python": "llama-cpp-python", "sentence-transformers": "sentence-transformers",
            "transformers": "Transformers", "tokenizers": "tokenizers"}


def cpu_flags() -> set[str]:
    """Features of the CPU, as the kernel names them."""
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    return set(next((line for line in lines if line.startswith("flags")), "").split())


def cpu_name() -> str:
    """The model of the CPU and its best vector instructions."""
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown CPU")
    flags = cpu_flags()
    best = next((name for flag, name in (
        ("avx512_bf16", "AVX-512 with VNNI and BF16"), ("avx512_vnni", "AVX-512 with VNNI"), ("avx512f", "AVX-512"),
        ("avx_vnni", "AVX2 with VNNI"), ("avx2", "AVX2")) if flag in flags), "SSE2")
    return f"{model}, {best}"


def versions() -> dict[str, str]:
    """Of the peers that are installed, by their names."""
    found = {}
    for package, name in PACKAGES.items():
        try:
            found[name] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            pass
    return found


# What the program is built from. Tables that change in README.md and docs/ do not make another program of it.
CODE = ["base", "ops", "runtime", "converters", "cli", "include", "cmake", "CMakeLists.txt", "CMakePresets.json"]


def code_state(program: str) -> tuple[str, str]:
    """The last commit of the code, with `+` if there are changes that are not committed; and a hash of both. Without git:
    that of the program."""
    def git(*arguments: str) -> bytes:
        return subprocess.run(["git", *arguments, "--", *CODE], check=True, capture_output=True).stdout
    try:
        commit, changes = git("log", "-1", "--format=%h").decode().strip(), git("diff", "HEAD")
        return commit + ("+" if changes else ""), hashlib.sha256(commit.encode() + changes).hexdigest()[:8]
    except (OSError, subprocess.CalledProcessError):
        return "unknown", hashlib.sha256(pathlib.Path(program).read_bytes()).hexdigest()[:8]


def setting(program: str, threads: int) -> dict:
    """What belongs to every figure."""
    version = json.loads(subprocess.run([program, "--version", "--json"], check=True, capture_output=True,
                                        text=True).stdout)
    commit, code = code_state(program)
    return {"machine": cpu_name(), "threads": threads, "commit": commit, "code": code,
            "compiler": version["compiler"], "versions": versions(), "date": time.strftime("%Y-%m-%d")}


def described(setting_: dict) -> str:
    """The sentence above a table."""
    threads = f"{setting_['threads']} thread{'s' if setting_['threads'] > 1 else ''}"
    peers = ", ".join(f"{name} {version}" for name, version in setting_["versions"].items())
    return (f"{setting_['machine']}, {threads}, {setting_['date']}, commit {setting_['commit']} "
            f"({setting_['compiler']}); {peers}.")
