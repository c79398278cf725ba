#!/usr/bin/env bash
# Builds once, then runs Smallbatch and PyTorch in turn and writes tables; README.md beside this file says more.
set -eu

root="$(cd -P "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

fail() {
  printf 'peers: %s\n' "$1" >&2
  exit 1
}

usage() {
  cat << END
usage: bench/peers/run.sh [options] [suite ...]

  gemm       every matrix product of a training step of tiny, lm11m and gpt2s, on one thread and on all
  lm11m      training step, D 384, L 6, T 512, V 50257, SGD and AdamW
  gpt2s      training step, D 768, L 12, T 1024, V 50257, AdamW
  small      training step, D 256, L 4, T 128, V 4096, AdamW
  threads    training step lm11m on all threads and on one
  memory     peak resident memory of the lm11m SGD step
  generate   tokens/s of gpt2s against the bandwidth of the memory
  startup    from the start of the process to the end of the first step, tiny
  none given: all of them, in this order

  --pairs N       runs of each side, in turn (5)
  --threads N     of both sides (one per processor)
  --python PATH   a Python with PyTorch; else \$PEERS_PYTHON, bench/peers/.venv, python3
  --compile       PyTorch compiles its model (torch.compile)
  --jvm OPTIONS   more options for the JVM that is measured, in one argument
  --name NAME     of the files below bench/peers/results
  --quick         one pair, few steps: to see that it works, the numbers mean nothing
END
}

build() {
  local stamp="$root/bench/target/peers.built"
  local newer=none
  [ ! -e "$stamp" ] || newer="$(find "$root/pom.xml" "$root"/*/pom.xml "$root"/*/src/main -newer "$stamp" | head -n 1)"
  [ -n "$newer" ] || return 0
  command -v mvn > /dev/null || fail "Maven is needed to build this, and there is no mvn on the PATH"
  printf 'peers: building ...\n' >&2
  mkdir -p "$root/bench/target"
  rm -rf "$root/bench/target/lib" "$root"/bench/target/smallbatch-bench-*.jar
  touch "$stamp.new"
  local log="$root/bench/target/peers-build.log"
  if ! (cd "$root" && JAVA_HOME="$jdk" mvn -q -B -DskipTests -pl bench -am package) < /dev/null > "$log" 2>&1; then
    grep ERROR "$log" | head -n 20 >&2 || true
    fail "the build failed; all of its output is in $log"
  fi
  mv "$stamp.new" "$stamp"
}

python="${PEERS_PYTHON:-}"
[ -n "$python" ] || python="$root/bench/peers/.venv/bin/python"
[ -x "$python" ] || [ -n "${PEERS_PYTHON:-}" ] || python="$(command -v python3 || true)"

case " $* " in
  *" --help "* | *" -h "*) usage; exit 0 ;;
esac

jdk="$("$root/smallbatch" --print-java-home)"
build
jars=''
for jar in "$root"/bench/target/smallbatch-bench-*.jar "$root"/bench/target/lib/*.jar; do
  jars="$jars${jars:+:}$jar"
done
exec "$jdk/bin/java" -Xms8m -Xmx128m -XX:+UseSerialGC -cp "$jars" dev.smallbatch.bench.peers.Peers \
    --root "$root" --python "$python" "$@"
