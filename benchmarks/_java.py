"""Compiles netty/ by Maven, or against the system's own Netty, into a cache outside the source tree.

python -m benchmarks._java Jmh [-w 1 ...] measures some of it by JMH.
"""

import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks._compile import cache

FOLDER = Path(__file__).with_name("netty")
SYSTEM = Path("/usr/share/java")    # where Debian's libnetty-java has its own

# Work.consume() is empty: so it keeps what it is given, and costs nothing, as JMH's blackhole.
FLAGS = [
    "-XX:+UnlockExperimentalVMOptions",
    "-XX:CompileCommand=quiet",
    "-XX:CompileCommand=blackhole,bench.Work::consume",
    "-Dio.netty.leakDetection.level=disabled",
]


@dataclass(frozen=True)
class Build:
    """What was compiled, and what it says of itself (About.java)."""

    path: str
    netty: str
    java: str
    transport: str
    allocators: list[str]

    def command(self, main: str, *arguments: str, options: list[str] = []) -> list[str]:
        return [tool("java"), *FLAGS, *options, "-cp", self.path, f"bench.{main}", *arguments]

    def __str__(self) -> str:
        return f"Netty {self.netty}, {self.transport}, Java {self.java}"


@functools.cache
def build() -> Build | None:
    """Made anew when its sources change; None where there is no Java or no Netty."""
    if not shutil.which(tool("javac")):
        return None
    target = cache() / f"netty-{digest()}"
    done = target / "build.json"
    if not done.exists():
        path = by_maven(target) or by_javac(target)
        if path is None:
            return None
        about = subprocess.run([tool("java"), "-cp", path, "bench.About"], check=True, stdout=subprocess.PIPE)
        done.write_text(json.dumps({"path": path, **json.loads(about.stdout)}))
    return Build(**json.loads(done.read_text()))


def by_maven(target: Path) -> str | None:
    """Of what an earlier build has fetched, if that is all: then no registry is asked."""
    if not shutil.which("mvn"):
        return None
    maven = ["mvn", "--quiet", "--batch-mode", "--file", str(FOLDER), f"-Dtarget={target}", "process-classes"]
    for command in ([*maven, "--offline"], maven):
        if subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
            return f"{target}/classes:{target}/lib/*"
    return None


def by_javac(target: Path, jars: Path = SYSTEM) -> str | None:
    """Without Jmh.java, which only checks what Samples.java measures."""
    libraries = sorted([*jars.glob("netty*.jar"), *jars.glob("jctools*.jar")])
    if not libraries:
        return None
    path = ":".join(map(str, [target / "classes", *libraries]))
    sources = [str(source) for source in sorted(FOLDER.rglob("*.java")) if source.name != "Jmh.java"]
    subprocess.run([tool("javac"), "-nowarn", "-d", str(target / "classes"), "-cp", path, *sources], check=True)
    return path


def tool(name: str) -> str:
    home = os.environ.get("JAVA_HOME")
    return f"{home}/bin/{name}" if home else name


def digest() -> str:
    hashed = hashlib.sha256(tool("java").encode())
    for source in [FOLDER / "pom.xml", *sorted(FOLDER.rglob("*.java"))]:
        hashed.update(source.read_bytes())
    return hashed.hexdigest()[:16]


if __name__ == "__main__":
    made = build()
    if made is None:
        sys.exit("no Java, or no Netty")
    sys.exit(subprocess.run(made.command(*sys.argv[1:])).returncode)
