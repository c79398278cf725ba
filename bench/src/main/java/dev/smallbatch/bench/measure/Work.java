package dev.smallbatch.bench.measure;

import dev.smallbatch.core.replay.KernelCall;
import dev.smallbatch.core.spi.AttentionSpec;
import dev.smallbatch.core.spi.Transpose;
import dev.smallbatch.core.tensor.Tensor;
import java.util.List;
import java.util.Map;

/**
 * What a kernel has to do, however it does it.
 *
 * @param flops floating-point operations of matrix products, two for each of their terms; 0 for everything else, whose time
 *     goes into memory or transcendental functions
 * @param bytes that are read and written if each operand passes through memory once
 */
public record Work(double flops, double bytes) {
    /** How many of its first arguments a kernel adds to, that is reads and writes. */
    private static final Map<String, Integer> ACCUMULATED = Map.ofEntries(Map.entry("biasBackward", 1),
            Map.entry("layerNormBackward", 1), Map.entry("rmsNormBackward", 1), Map.entry("axpy", 1), Map.entry("lerp", 1),
            Map.entry("limitGrowth", 2),
            Map.entry("exchange", 2), Map.entry("sgdStep", 2), Map.entry("signStep", 2), Map.entry("rootStep", 2),
            Map.entry("adamWStep", 3), Map.entry("scheduleFreeStep", 3), Map.entry("adafactorStep", 2),
            Map.entry("factoredAdafactorStep", 3), Map.entry("muonMoment", 1), Map.entry("muonStep", 1),
            Map.entry("quantizedSgdStep", 3), Map.entry("quantizedSignStep", 3), Map.entry("quantizedRootStep", 3),
            Map.entry("quantizedAdamWStep", 5), Map.entry("balance", 2), Map.entry("balancedStep", 1));

    /** The sum. */
    public Work plus(Work other) {
        return new Work(flops + other.flops, bytes + other.bytes);
    }

    /** What a call does. */
    public static Work of(KernelCall call) {
        return new Work(flops(call), bytes(call));
    }

    private static double flops(KernelCall call) {
        List<Object> arguments = call.arguments();
        return switch (call.method()) {
            case "matmulEach" -> 2.0 * tensor(call, 0).numel() * innerOfStack(tensor(call, 1), (Transpose) arguments.get(2));
            case "matmul" -> 2.0 * tensor(call, 0).numel() * inner(tensor(call, 1), (Transpose) arguments.get(2));
            case "linear" -> 2.0 * tensor(call, 0).numel() * tensor(call, 1).shape().cols();
            case "attention" -> 2 * attentionProduct((AttentionSpec) arguments.get(3));
            case "attentionBackward" -> 5 * attentionProduct((AttentionSpec) arguments.get(5));
            default -> 0;
        };
    }

    /** One of the products of attention, of the pairs (t, s) with s at most t. */
    private static double attentionProduct(AttentionSpec spec) {
        return 1.0 * spec.batch() * spec.heads() * spec.headSize() * spec.time() * (spec.time() + 1.0);
    }

    private static long innerOfStack(Tensor a, Transpose transposed) {
        return a.shape().dim(transposed == Transpose.YES ? 1 : 2);
    }

    private static long inner(Tensor a, Transpose transposed) {
        return transposed == Transpose.YES ? a.shape().rows() : a.shape().cols();
    }

    private static double bytes(KernelCall call) {
        return switch (call.method()) {
            case "embed" -> 2.0 * tensor(call, 0).bytes() + tensor(call, 1).bytes();
            case "embedBackward" -> 3.0 * tensor(call, 2).bytes() + tensor(call, 3).bytes();
            default -> {
                double sum = 0;
                for (Object argument : call.arguments()) {
                    sum += argument instanceof Tensor tensor ? tensor.bytes() : 0;
                }
                yield sum + accumulated(call);
            }
        };
    }

    /** Bytes of outputs that are read as well. */
    private static double accumulated(KernelCall call) {
        if (call.method().equals("matmul")) {
            return (float) call.arguments().get(6) * tensor(call, 0).bytes();
        }
        double sum = 0;
        for (Object argument : call.arguments().subList(0, ACCUMULATED.getOrDefault(call.method(), 0))) {
            sum += argument instanceof Tensor tensor ? tensor.bytes() : 0;
        }
        return sum;
    }

    private static Tensor tensor(KernelCall call, int index) {
        return (Tensor) call.arguments().get(index);
    }
}
