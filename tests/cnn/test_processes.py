"""Two processes that torchrun starts train as one does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from cnn.network_model import load_model
from cnn.processes import agreed, this_process
from tests.networks import SETTINGS, trainer_for
from tests.pictures import write_stack

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import sys
import torch
from cnn import train
from cnn.processes import agreed, joined, this_process
from tests.networks import SETTINGS, trainer_for

with joined(torch.device("cpu")):
    assert this_process().size == 2
    assert agreed(float(this_process().rank + 5), torch.device("cpu")) == 5
    trainer = trainer_for(SETTINGS)
    losses = [trainer.train_step() for _ in range(3)]
    if this_process().rank == 0:
        torch.save(trainer.averaged, sys.argv.pop(1))
    else:
        sys.argv.pop(1)
    failed = train.main()
sys.exit(failed)
"""


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """What two processes wrote."""
    root = tmp_path_factory.mktemp("together")
    write_stack(root / "data", (120, 16), 3)
    (root / "script.py").write_text(SCRIPT)
    words = ["--arch", "compact_unet", "--data", root / "data", "--out", root / "out", "--patch", "16", "--batch", "4"]
    words += ["--steps", "2", "--device", "cpu", "--views", "1"]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command += [root / "script.py", root / "weights.pt", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        list(map(str, command)), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return root, done.stdout


def test_two_processes_take_the_steps_of_one(together):
    root, _ = together
    alone = trainer_for(SETTINGS)
    for _ in range(3):
        alone.train_step()
    weights = torch.load(root / "weights.pt", weights_only=True)
    for name, value in alone.averaged.items():
        torch.testing.assert_close(weights[name], value)


def test_the_command_trains_with_two_processes_and_one_writes(together):
    root, told = together
    assert load_model(root / "out" / "model.pt", torch.device("cpu")).card.bands == ("band1", "band2", "band3")
    assert torch.load(root / "out" / "run.ckpt", weights_only=True)["step"] == 2
    assert (root / "out" / "report.html").exists()
    assert told.count("run: step 2") == 1


def test_a_process_alone_agrees_with_itself():
    assert this_process() == (0, 1)
    assert agreed(2.5, torch.device("cpu")) == 2.5
