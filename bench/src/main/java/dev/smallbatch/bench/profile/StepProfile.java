package dev.smallbatch.bench.profile;

import dev.smallbatch.bench.measure.PreparedStep;
import dev.smallbatch.bench.measure.Statistics;
import dev.smallbatch.bench.measure.Timings;
import dev.smallbatch.bench.measure.Work;
import dev.smallbatch.core.replay.KernelCall;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.Transpose;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Where the time of a training step goes: medians over some steps.
 *
 * @param seconds of a step
 * @param outside of them between the kernels: the tape, the loss as a number, the timing itself
 * @param rows a kernel with operands of one shape each, the longest time first
 */
public record StepProfile(double seconds, double outside, List<Row> rows) {
    /**
     * The calls of a kernel with operands of the same shapes.
     *
     * @param kernel for example {@code matmul.linear}
     * @param shape for example {@code 512 x 1152 x 384}, for a product M, N, K
     * @param calls in a step
     * @param seconds of all of them together in a step
     * @param garbage bytes that all of them together allocate on the heap in a step
     * @param work of all of them together
     */
    public record Row(String kernel, String shape, int calls, double seconds, double garbage, Work work) {
        Row merge(Row other) {
            return new Row(kernel, shape.equals(other.shape) ? shape : "", calls + other.calls, seconds + other.seconds,
                    garbage + other.garbage, work.plus(other.work));
        }
    }

    /**
     * Trains and looks.
     *
     * @param kernels of an open backend
     * @param warmUp steps before those that count
     * @param steps that count
     */
    public static StepProfile measure(PreparedStep.Setup setup, Kernels kernels, Timings.AtLeast warmUp, Timings.AtLeast steps) {
        TimedKernels timed = new TimedKernels(kernels);
        try (PreparedStep step = new PreparedStep(setup, timed.kernels())) {
            Timings.repeat(warmUp, step::draw, () -> {
                step.train();
                timed.take();
            });
            List<List<TimedKernels.TimedCall>> calls = new ArrayList<>();
            Timings times = Timings.repeat(steps, step::draw, () -> {
                step.train();
                calls.add(timed.take());
            });
            return of(times, calls);
        }
    }

    private static StepProfile of(Timings times, List<List<TimedKernels.TimedCall>> steps) {
        List<Map<String, Row>> perStep = steps.stream().map(StepProfile::rows).toList();
        List<Row> rows = perStep.getFirst().entrySet().stream().map(entry -> {
            List<Row> same = perStep.stream().map(rowsOfStep -> rowsOfStep.get(entry.getKey())).toList();
            Row row = entry.getValue();
            return new Row(row.kernel, row.shape, row.calls, Statistics.median(same.stream().map(Row::seconds).toList()),
                    Statistics.median(same.stream().map(Row::garbage).toList()), row.work);
        }).toList();
        List<Double> between = new ArrayList<>();
        for (int i = 0; i < steps.size(); i++) {
            between.add(times.seconds().get(i) - perStep.get(i).values().stream().mapToDouble(Row::seconds).sum());
        }
        return new StepProfile(times.median(), Statistics.median(between), slowestFirst(rows));
    }

    private static Map<String, Row> rows(List<TimedKernels.TimedCall> calls) {
        Map<String, Row> rows = new LinkedHashMap<>();
        for (TimedKernels.TimedCall timed : calls) {
            KernelCall call = timed.call();
            Row row = new Row(kernel(call), shape(call), 1, timed.seconds(), timed.garbage(), Work.of(call));
            rows.merge(row.kernel + row.shape, row, Row::merge);
        }
        return rows;
    }

    private static List<Row> slowestFirst(List<Row> rows) {
        return rows.stream().sorted(Comparator.comparingDouble(Row::seconds).reversed()).toList();
    }

    /** Rows of one kernel together, without shapes that differ. */
    public List<Row> byKernel() {
        Map<String, Row> merged = new LinkedHashMap<>();
        rows.forEach(row -> merged.merge(row.kernel, row, Row::merge));
        return slowestFirst(List.copyOf(merged.values()));
    }

    /** The method's name; after that of a product which operands are transposed, N or T, and bf16 if an operand is. */
    private static String kernel(KernelCall call) {
        boolean bf16 = call.arguments().stream().anyMatch(a -> a instanceof Tensor tensor && tensor.dtype() == DType.BF16);
        String transposes = call.arguments().stream().filter(Transpose.class::isInstance)
                .map(a -> a == Transpose.YES ? "T" : "N").collect(Collectors.joining());
        return Stream.of(call.method(), transposes, bf16 ? "bf16" : "").filter(word -> !word.isEmpty())
                .collect(Collectors.joining(" "));
    }

    /** M x N x K of a product, else the shape of the largest operand. */
    private static String shape(KernelCall call) {
        List<Tensor> tensors = call.arguments().stream().filter(Tensor.class::isInstance).map(Tensor.class::cast).toList();
        if (call.family().equals("matmul") && Work.of(call).flops() > 0) {
            Shape out = tensors.getFirst().shape();
            double inner = Work.of(call).flops() / 2 / out.numel();
            return out.rows() + " x " + out.cols() + " x " + Math.round(inner);
        }
        Tensor largest = tensors.stream().max(Comparator.comparingLong(Tensor::numel)).orElseThrow();
        return Arrays.stream(largest.shape().dims()).mapToObj(Long::toString).collect(Collectors.joining(" x "));
    }
}
