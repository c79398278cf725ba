"""Cuts from the optimizer goldens the cases that tests follow.

usage: extract_optimizers.py GOLDEN_DIR OUT_DIR [CASE...]

GOLDEN_DIR holds inputs.safetensors, manifest.json and one safetensors file per reference library. Writes into OUT_DIR
inputs.safetensors (unchanged), cases.txt (the names of all cases there are) and for each CASE a file CASE.safetensors: all
keys that begin with it, but for whole tensors after the last step, or that it names, and the manifest's entry in the metadata.
Keys and numbers stay as they are.
"""
import json
import pathlib
import shutil
import sys

from safetensors.numpy import load_file, save_file

KEEP = ('case', 'library', 'api', 'hyper', 'steps', 'tensors', 'state', 'note', 'rtol', 'atol')


def main():
    golden, out, wanted = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:]
    out.mkdir(parents=True, exist_ok=True)
    manifest = json.loads((golden / 'manifest.json').read_text())
    entries = {entry['case']: entry for entry in manifest['cases']}
    (out / 'cases.txt').write_text(''.join(case + '\n' for case in entries))
    shutil.copyfile(golden / 'inputs.safetensors', out / 'inputs.safetensors')
    for case in wanted:
        tensors = load_file(golden / entries[case]['file'].split(' + ')[0])
        extra = entries[case].get('extra', [])
        entry = {key: entries[case][key] for key in KEEP} | {'versions': manifest['versions']}
        save_file({key: value for key, value in tensors.items()
                   if key in extra or key.split('/')[0] == case and not key.startswith(case + '/final/')},
                  out / (case + '.safetensors'), {'case': json.dumps(entry)})


if __name__ == '__main__':
    main()
