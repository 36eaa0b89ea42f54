"""Runs what `bluec compile --print-pipelines` printed for a phase: run_pipeline.py PRINTED NAME IN OUT."""
import subprocess
import sys

printed, name, source, made = sys.argv[1:]
with open(printed, encoding="utf-8") as file:
    pipelines = dict(line.rstrip("\n").split(": ", 1) for line in file)
sys.exit(subprocess.run(["bluec-opt", source, f"--pass-pipeline={pipelines[name]}", "-o", made]).returncode)
