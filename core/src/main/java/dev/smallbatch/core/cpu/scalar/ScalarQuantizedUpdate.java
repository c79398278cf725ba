package dev.smallbatch.core.cpu.scalar;

import dev.smallbatch.core.cpu.Parallel;
import dev.smallbatch.core.rand.RandomKey;
import dev.smallbatch.core.spi.DynamicMap;
import dev.smallbatch.core.spi.Quantization;
import dev.smallbatch.core.spi.QuantizedUpdateKernels;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.spi.StepNumber;
import dev.smallbatch.core.spi.UpdateKernels;
import dev.smallbatch.core.tensor.Tensor;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.function.LongToDoubleFunction;

/** Optimizer updates with state in 8 bits: those of {@link ScalarUpdate}, block by block. Tasks are runs of blocks. */
final class ScalarQuantizedUpdate implements QuantizedUpdateKernels {
    private final Parallel parallel;

    ScalarQuantizedUpdate(Parallel parallel) {
        this.parallel = parallel;
    }

    @Override
    public void quantizedSgdStep(Tensor p, Tensor m, Tensor mScale, Tensor g, Tensor s, Quantization how, Rounding rounding,
            long key) {
        update(p, List.of(new State(m, mScale, DynamicMap.SIGNED, how)), g, s, rounding, key,
                (state, gs) -> ScalarUpdate.momentum(state[0], gs, s, u -> u));
    }

    @Override
    public void quantizedSignStep(Tensor p, Tensor m, Tensor mScale, Tensor g, Tensor s, Quantization how, Rounding rounding,
            long key) {
        update(p, List.of(new State(m, mScale, DynamicMap.SIGNED, how)), g, s, rounding, key,
                (state, gs) -> ScalarUpdate.momentum(state[0], gs, s, Math::signum));
    }

    @Override
    public void quantizedRootStep(Tensor p, Tensor v, Tensor vScale, Tensor g, Tensor s, Quantization how, Rounding rounding,
            long key) {
        update(p, List.of(new State(v, vScale, DynamicMap.SIGNED, how)), g, s, rounding, key,
                (state, gs) -> ScalarUpdate.root(state[0], gs, s));
    }

    @Override
    public void quantizedAdamWStep(Tensor p, Tensor m, Tensor mScale, Tensor v, Tensor vScale, Tensor g, Tensor s,
            Quantization how, Rounding rounding, long key) {
        update(p, List.of(new State(m, mScale, DynamicMap.SIGNED, how), new State(v, vScale, DynamicMap.UNSIGNED, how)), g, s,
                rounding, key, (state, gs) -> ScalarUpdate.adamW(state[0], state[1], gs, s));
    }

    /** The steps of one block's elements, of its decoded state, which they move, and of its gradient. */
    private interface Rule {
        LongToDoubleFunction steps(Floats[] state, Floats g);
    }

    private void update(Tensor p, List<State> states, Tensor g, Tensor s, Rounding rounding, long key, Rule rule) {
        Floats ps = new Floats(p, rounding, new RandomKey(key).at(StepNumber.get(s)).bits());
        Floats gs = new Floats(g);
        double rate = new Floats(s).get(UpdateKernels.LEARNING_RATE);
        double decay = new Floats(s).get(UpdateKernels.DECAY);
        int size = states.getFirst().how.block();
        Grid.split(parallel, states.getFirst().how.blocks(p.numel()), 4L * size, (fromBlock, toBlock) -> {
            float[][] values = new float[states.size()][size];
            float[] gradient = new float[size];
            Floats[] decoded = new Floats[states.size()];
            for (int k = 0; k < decoded.length; k++) {
                decoded[k] = new Floats(values[k]);
            }
            LongToDoubleFunction steps = rule.steps(decoded, new Floats(gradient));
            for (long block = fromBlock; block < toBlock; block++) {
                long from = block * size;
                int count = (int) Math.min(size, p.numel() - from);
                for (int k = 0; k < decoded.length; k++) {
                    states.get(k).decode(block, count, values[k]);
                }
                for (int i = 0; i < count; i++) {
                    gradient[i] = (float) gs.get(from + i);
                    double old = ps.get(from + i);
                    ps.set(from + i, old - decay * old - rate * steps.applyAsDouble(i));
                }
                for (int k = 0; k < decoded.length; k++) {
                    states.get(k).encode(block, count, values[k]);
                }
            }
        });
    }

    /** A state in memory. */
    private record State(Tensor codes, Tensor scales, DynamicMap map, Quantization how) {
        void decode(long block, int count, float[] values) {
            float scale = scales.segment().getAtIndex(ValueLayout.JAVA_FLOAT, block);
            for (int i = 0; i < count; i++) {
                byte code = codes.segment().get(ValueLayout.JAVA_BYTE, block * how.block() + i);
                values[i] = map.value(Byte.toUnsignedInt(code)) * scale;
            }
        }

        void encode(long block, int count, float[] values) {
            float scale = 0;
            for (int i = 0; i < count; i++) {
                scale = Math.max(scale, Math.abs(values[i]));
            }
            scales.segment().setAtIndex(ValueLayout.JAVA_FLOAT, block, scale);
            float divisor = Math.max(scale, Quantization.SMALLEST_SCALE);
            for (int i = 0; i < count; i++) {
                int code = map.code(values[i] / divisor, how.preserveSign());
                codes.segment().set(ValueLayout.JAVA_BYTE, block * how.block() + i, (byte) code);
            }
        }
    }
}
