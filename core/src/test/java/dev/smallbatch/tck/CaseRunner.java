package dev.smallbatch.tck;

import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Lays the arguments of a case out in a region, between guards, and makes the call. */
final class CaseRunner {
    /**
     * What a call left behind.
     *
     * @param outputs contents of every output in order
     * @param damage what was written that is no output
     */
    record Outcome(List<int[]> outputs, List<String> damage) {
        /** Null if the outputs have the same bits, else the first difference. */
        String difference(OpCase c, Outcome other) {
            List<Arg> written = c.args().stream().filter(Arg::isOutput).toList();
            for (int o = 0; o < outputs.size(); o++) {
                int at = Arrays.mismatch(outputs.get(o), other.outputs.get(o));
                if (at >= 0) {
                    Arg arg = written.get(o);
                    return "%s[%d] is %s (%08x) and then %s (%08x)".formatted(arg.name(), at,
                            Bits.toDouble(arg.dtype(), outputs.get(o)[at]), outputs.get(o)[at],
                            Bits.toDouble(arg.dtype(), other.outputs.get(o)[at]), other.outputs.get(o)[at]);
                }
            }
            return null;
        }
    }

    private final Region region;

    CaseRunner(Region region) {
        this.region = region;
    }

    /** Every argument 64-byte aligned. */
    Outcome run(Kernels kernels, OpCase c) {
        return run(kernels, c, false, -1, -1);
    }

    /** Every argument at another odd offset, as views of rows have. */
    Outcome runAtOddOffsets(Kernels kernels, OpCase c) {
        return run(kernels, c, true, -1, -1);
    }

    /** The output with index {@code output} in the place of the input with index {@code input}. */
    Outcome runInPlace(Kernels kernels, OpCase c, int output, int input) {
        return run(kernels, c, false, output, input);
    }

    /** The call recorded, its outputs set back, and the recording replayed. */
    Outcome runReplayed(ReplayingBackend backend, OpCase c) {
        Region.Mark mark = region.mark();
        try {
            Canary[] canaries = place(c, false);
            Tensor[] tensors = tensors(canaries);
            c.call().on(backend.kernels(), tensors);
            for (int i = 0; i < tensors.length; i++) {
                if (c.args().get(i).isOutput()) {
                    Bits.write(tensors[i], c.args().get(i).bits());
                }
            }
            backend.replay();
            return outcome(c, canaries, tensors, -1);
        } finally {
            region.release(mark);
        }
    }

    /** Adds a weak reference to every tensor of the call. */
    void run(Kernels kernels, OpCase c, List<WeakReference<Tensor>> passed) {
        Region.Mark mark = region.mark();
        try {
            Tensor[] tensors = tensors(place(c, false));
            c.call().on(kernels, tensors);
            for (Tensor tensor : tensors) {
                passed.add(new WeakReference<>(tensor));
            }
        } finally {
            region.release(mark);
        }
    }

    private Outcome run(Kernels kernels, OpCase c, boolean odd, int output, int input) {
        Region.Mark mark = region.mark();
        try {
            Canary[] canaries = place(c, odd);
            Tensor[] tensors = tensors(canaries);
            if (output >= 0) {
                tensors[output] = tensors[input];
            }
            c.call().on(kernels, tensors);
            return outcome(c, canaries, tensors, input);
        } finally {
            region.release(mark);
        }
    }

    /** Guarded tensors with the contents of the case; null where an argument is absent. */
    Canary[] place(OpCase c, boolean odd) {
        Canary[] canaries = new Canary[c.args().size()];
        for (int i = 0; i < canaries.length; i++) {
            Arg arg = c.args().get(i);
            if (!arg.isAbsent()) {
                int lead = odd ? 2 * i + 3 : Canary.aligned(arg.dtype());
                canaries[i] = new Canary(region, arg.name(), arg.dtype(), arg.shape(), lead);
                Bits.write(canaries[i].tensor(), arg.bits());
            }
        }
        return canaries;
    }

    static Tensor[] tensors(Canary[] canaries) {
        Tensor[] tensors = new Tensor[canaries.length];
        for (int i = 0; i < tensors.length; i++) {
            tensors[i] = canaries[i] == null ? null : canaries[i].tensor();
        }
        return tensors;
    }

    private static Outcome outcome(OpCase c, Canary[] canaries, Tensor[] tensors, int replaced) {
        List<int[]> outputs = new ArrayList<>();
        List<String> damage = new ArrayList<>();
        for (int i = 0; i < canaries.length; i++) {
            Arg arg = c.args().get(i);
            if (arg.isAbsent()) {
                continue;
            }
            if (canaries[i].damage() != null) {
                damage.add(canaries[i].damage());
            }
            int[] bits = Bits.read(tensors[i]);
            if (arg.isOutput()) {
                outputs.add(bits);
            } else if (i != replaced && !Arrays.equals(bits, arg.bits())) {
                damage.add("input " + arg.name() + " changed at element " + Arrays.mismatch(bits, arg.bits()));
            }
        }
        return new Outcome(outputs, damage);
    }
}
