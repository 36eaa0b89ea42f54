"""onnxruntime's image encoder on tiles from a file, timed: prints one JSON object.

    run_onnxruntime_vision.py MODEL.onnx TILES.npy --batch 4 --threads 2 --repeats 3 --features OUT.npy
"""

import argparse
import json
import time

import numpy as np
import onnxruntime

from measure import status


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("tiles", help="f32 [tiles, 3, height, width]")
    parser.add_argument("--batch", type=int, default=1, help="tiles of a call")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--features", help="writes the features as .npy")
    options = parser.parse_args()
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(options.model, settings, ["CPUExecutionProvider"])
    tiles = np.load(options.tiles)
    session.run(None, {"pixel_values": tiles[:1]})

    def encode():
        return np.concatenate([session.run(None, {"pixel_values": tiles[at:at + options.batch]})[0]
                               for at in range(0, len(tiles), options.batch)])

    seconds = []
    for _ in range(options.repeats):
        start = time.perf_counter()
        features = encode()
        seconds.append(time.perf_counter() - start)
    if options.features:
        np.save(options.features, features)
    print(json.dumps({"version": onnxruntime.__version__, "seconds": seconds, "tiles": len(tiles),
                      "memory": status("self")}))


if __name__ == "__main__":
    main()
