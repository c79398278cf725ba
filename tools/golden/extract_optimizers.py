"""Cuts the optimizer goldens down to the rules that are implemented.

usage: extract_optimizers.py GOLDEN_DIR OUT_DIR

GOLDEN_DIR holds inputs.safetensors, manifest.json and one safetensors file per reference library. Writes into OUT_DIR
inputs.safetensors (unchanged), trajectories.safetensors (all keys that begin with a wanted case) and cases.json (the
manifest's entries of these cases). Keys and numbers stay as they are.
"""
import json
import pathlib
import shutil
import sys

from safetensors.numpy import load_file, save_file

CASES = ('sgd', 'sgd_momentum', 'sgd_nesterov_optax', 'adam', 'adamw', 'adamw_bigeps', 'adamw_optax', 'sign_sgd', 'signum', 'lion',
         'adagrad', 'rmsprop', 'adafactor_optax', 'muon_fp32', 'muon_kj_fp32', 'newton_schulz5')


def main():
    golden, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    manifest = json.loads((golden / 'manifest.json').read_text())
    entries = [entry for entry in manifest['cases'] if entry['case'] in CASES]
    assert len(entries) == len(CASES), [entry['case'] for entry in entries]

    tensors = {}
    for name in sorted({entry['file'] for entry in entries}):
        tensors |= {key: value for key, value in load_file(golden / name).items() if key.split('/')[0] in CASES}
    save_file(tensors, out / 'trajectories.safetensors')
    shutil.copyfile(golden / 'inputs.safetensors', out / 'inputs.safetensors')

    keep = ('case', 'library', 'api', 'hyper', 'steps', 'tensors', 'state', 'note', 'rtol', 'atol')
    small = {key: manifest[key] for key in ('seed', 'steps', 'shapes', 'versions')}
    small['cases'] = [{key: entry[key] for key in keep} for entry in entries]
    (out / 'cases.json').write_text(json.dumps(small, indent=1) + '\n')


if __name__ == '__main__':
    main()
