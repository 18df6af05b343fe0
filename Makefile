# Two commands do everything on a fresh machine: `make book` and `make test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: help setup book kit test notebooks slides real full bench times same audit links lint lock clean

help:  ## list the commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

# Everything is pinned and hashed in the lock, so the stamp is newer than the lock
# exactly when the environment is up to date.
$(VENV)/.installed: requirements.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

setup: $(VENV)/.installed  ## make the virtual environment

# The book's own cache notices edits in notebooks and pages only: whatever else they
# depend on empties it, and so does a build that failed.
_build/.fresh: $(wildcard helpers/*.py helpers/*/*.py book/_ext/*.py) _config.yml _toc.yml $(VENV)/.installed
	rm -rf _build
	mkdir _build
	touch $@

book: setup _build/.fresh  ## build the site into _build/html
	$(BIN)/jupyter-book build . -W -n --keep-going || (rm -f _build/.fresh; exit 1)
	@touch _build/html/index.html
	@echo "Open _build/html/index.html in a browser."

# The site is built again only when something that it is made from is newer.
_build/html/index.html: _build/.fresh $(wildcard notebooks/*.ipynb notebooks/*/*.ipynb \
  book/*.md book/*.bib book/*.csv book/*/*.csv book/assets/*)
	$(MAKE) book

kit: _build/html/index.html  ## make one archive that runs the course offline, on this system
	$(BIN)/python -m book.kit

test: setup  ## run all the tests
	$(BIN)/python -m pytest -n 2 --dist loadscope

notebooks: setup  ## open the course in JupyterLab
	$(BIN)/jupyter lab notebooks

slides: setup  ## make the slides again, from what the last build ran
	$(BIN)/python book/_ext/slides.py _build/html

real: setup  ## run the notebooks on real recordings again and store their outputs
	$(BIN)/python -m helpers.datasets fetch haxby_slice
	$(BIN)/python -m helpers.datasets fetch miyawaki_v1
	$(BIN)/python -m helpers.datasets fetch rest_gift
	$(BIN)/python tests/notebooks/store_real.py

full: setup  ## run the chapters on the paper's own data (gigabytes, hours) and report
	$(BIN)/python -m tests.notebooks.run_full
	COURSE_DATA=full $(BIN)/python -m helpers.ledger

times: setup  ## measure each notebook's time and memory (needs the samples of `real`)
	COURSE_TIMES=book/run_times $(BIN)/python -m pytest -q -p no:xdist notebooks \
	  notebooks/real -o addopts="--nbval-lax --nbval-current-env \
	  --nbval-cell-timeout=900 -p tests.notebooks.budget"

same: setup  ## run each notebook with one and with two threads and compare what they show
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 \
	  $(BIN)/python -m tests.notebooks.compare_runs run _build/same/one
	OPENBLAS_NUM_THREADS=2 OMP_NUM_THREADS=2 \
	  $(BIN)/python -m tests.notebooks.compare_runs run _build/same/two
	$(BIN)/python -m tests.notebooks.compare_runs compare _build/same/one _build/same/two

bench: setup  ## measure the kernels against their peers (SIZE=full for Haxby's size)
	$(BIN)/python -m tests.benchmarks.bench

audit: setup  ## look the lock up in the database of known weaknesses (needs the network)
	$(BIN)/python -m uv tool run pip-audit@2.10.1 --requirement requirements.txt --disable-pip

links: book  ## ask whether the sites that pages lead to are there (needs the network)
	$(BIN)/python -m tests.site.outer_links

lint: setup  ## check style, spelling and that notebooks carry no outputs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell

lock: setup  ## pin every package again, from pyproject.toml
	$(BIN)/python -m uv pip compile --universal --fork-strategy fewest \
	  --generate-hashes --python-version 3.11 --extra dev --no-annotate \
	  --no-header --quiet pyproject.toml -o requirements.txt

clean:  ## delete what the build made (data stays)
	rm -rf _build
