# shellcheck shell=sh
# Sourced by ../serve, ../test and ../Makefile, in the top of the tree: the virtual environments in
# which everything runs. Nothing else on the machine is touched but for what tools/packages brings.

# Can this interpreter be used, and make a virtual environment? Debian ships ensurepip apart.
usable() {
  "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

# The interpreter to use: $PYTHON, what the system calls python3, or a newer one beside it.
find_python() {
  for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
    if usable "$candidate"; then
      echo "$candidate"
      return 0
    fi
  done
  return 1
}

# find_python, having installed what is missing; otherwise one line says what to type.
need_python() {
  find_python && return 0
  tools/packages install run >&2 && find_python && return 0
  if [ -n "$(tools/packages missing run)" ]; then
    echo "Python with its venv module is missing. Type: $(tools/packages command run)" >&2
  else
    echo "Python 3.11 or newer is needed. With one elsewhere: PYTHON=/path/to/python3.11 $0" >&2
  fi
  return 1
}

# The interpreter of one VERSION, such as 3.12, if there is one: on PATH, or kept by pyenv.
find_version() {
  for candidate in "python$1" "$(pyenv root 2>/dev/null)/versions/$1".*/bin/python3; do
    if usable "$candidate"; then
      echo "$candidate"
      return 0
    fi
  done
  return 1
}

# environment FOLDER EXTRAS [PYTHON]: a virtual environment with the project in it, ready to use.
# EXTRAS is `run`, or `test` for all that checks need. Cheap where nothing has changed since.
environment() {
  stamp="$PWD $(cksum <pyproject.toml)"
  [ "$(cat "$1/.installed-$2" 2>/dev/null)" != "$stamp" ] || return 0
  if ! "$1/bin/python" -m pip --version >/dev/null 2>&1; then
    interpreter=${3:-$(need_python)} || return 1
    "$interpreter" -m venv --clear "$1" || return 1
  fi
  echo "Setting up $1 ..." >&2
  case $2 in run) extras='[service]' ;; *) extras='[cli,dnstap,geo,otel,service,test,valkey]' ;; esac
  if ! "$1/bin/python" -m pip install --quiet --disable-pip-version-check -e ".$extras"; then
    echo "$1 could not be set up; above is what pip said (it needs the network for this)." >&2
    return 1
  fi
  echo "$stamp" >"$1/.installed-run"
  [ "$2" = run ] || echo "$stamp" >"$1/.installed-$2"
}
