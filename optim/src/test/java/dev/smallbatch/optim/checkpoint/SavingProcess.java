package dev.smallbatch.optim.checkpoint;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.autograd.Role;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;
import dev.smallbatch.optim.Clipping;
import dev.smallbatch.optim.Optimizer;
import dev.smallbatch.optim.ParameterGroup;
import dev.smallbatch.optim.rule.Sgd;
import dev.smallbatch.optim.schedule.Constant;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A process that saves step after step, for others to kill. At step n every weight and every number of the state is n, so
 * that a mixture of two steps shows.
 */
final class SavingProcess {
    private static final int ELEMENTS = 100_000;

    private SavingProcess() {}

    /** Arguments: directory, first step, last step. Says {@code saved N} after each, or how the save failed. */
    public static void main(String[] arguments) {
        try (Region region = region()) {
            Optimizer optimizer = optimizer(region);
            CheckpointStore store = store(Path.of(arguments[0]));
            for (long step = Long.parseLong(arguments[1]); step <= Long.parseLong(arguments[2]); step++) {
                set(optimizer, step);
                store.save(step, 0, optimizer);
                System.out.println("saved " + step);
            }
        } catch (CheckpointException e) {
            System.out.println(e.getMessage());
        }
    }

    /** Starts it, with shell commands in front if there are any. */
    static Process start(String shell, Path directory, long first, long last) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                ProcessHandle.current().info().command().orElseThrow(), "-Xshare:auto", "-XX:-UsePerfData", "-Xmx64m",
                "-cp", System.getProperty("java.class.path"), SavingProcess.class.getName(),
                directory.toString(), Long.toString(first), Long.toString(last)));
        if (!shell.isEmpty()) {
            command.addAll(0, List.of("bash", "-c", shell + "; exec \"$0\" \"$@\""));
        }
        return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    }

    static BufferedReader output(Process process) {
        return process.inputReader(StandardCharsets.UTF_8);
    }

    static Region region() {
        return Region.create("saving", 1 << 20);
    }

    static CheckpointStore store(Path directory) {
        return new CheckpointStore(directory, new RunIdentity(0, JsonNodeFactory.instance.objectNode(), "", ""));
    }

    /** It never computes, hence no kernels. */
    static Optimizer optimizer(Region region) {
        Parameter parameter = new Parameter("w", region.allocate(DType.F32, Shape.of(ELEMENTS)), Role.MATRIX);
        List<ParameterGroup> groups = List.of(ParameterGroup.all(new Sgd(new Constant(1), 0.9, 0)));
        return new Optimizer(groups, Clipping.none(), List.of(parameter), null, region);
    }

    static void set(Optimizer optimizer, long step) {
        float[] values = new float[ELEMENTS];
        Arrays.fill(values, step);
        optimizer.parameters().getFirst().value().copyFrom(values);
        optimizer.state().firstEntry().getValue().copyFrom(values);
    }

    static boolean isAllOf(Tensor tensor, long step) {
        for (float value : tensor.toFloatArray()) {
            if (value != step) {
                return false;
            }
        }
        return true;
    }
}
