package dev.smallbatch.model.run;

import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.tensor.Region;
import dev.smallbatch.model.gpt.Gpt;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.optim.Clipping;
import dev.smallbatch.optim.Optimizer;
import dev.smallbatch.optim.ParameterGroup;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.rule.AdamW;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.optim.train.Batch;
import dev.smallbatch.optim.train.StepMemory;
import dev.smallbatch.optim.train.TrainStep;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Trains for a few steps in a process of its own and writes the most memory it ever held. */
final class TrainingProcess {
    static final MemoryPlan.Choice CHOICE = new MemoryPlan.Choice(GptConfig.paper(2, 384, 3, 64, 50_257), DType.F32, OptimizerKind.ADAMW,
            false, 1, true);
    private static final int STEPS = 8;

    private TrainingProcess() {}

    /** Writes {@code resident} and the bytes. */
    public static void main(String[] arguments) throws Exception {
        GptConfig config = CHOICE.model();
        StepMemory plan = MemoryPlan.of(CHOICE).memory();
        try (Backend backend = Backends.open("auto", new BackendOptions(2));
                Region parameters = Region.create("parameters", plan.parameters());
                Region state = Region.create("optimizer", plan.optimizer());
                Region step = Region.create("step", plan.step());
                Region data = Region.create("data", plan.data())) {
            Gpt model = Gpt.initialized(config, parameters, 1);
            var rule = new AdamW(new Constant(1e-3), new Decay.PerStep(0.9), new Decay.PerStep(0.99));
            var optimizer = new Optimizer(List.of(ParameterGroup.all(rule)), Clipping.none(), model.parameters(), backend.kernels(), state);
            var trainStep = new TrainStep(model, optimizer, backend.kernels(), step, 1, CHOICE.recompute());
            Batch batch = Batch.allocate(data, CHOICE.batchSize(), config.seqLen());
            for (int i = 0; i < STEPS; i++) {
                batch.fill(TrainingProcess::tokens, i);
                trainStep.run(batch, i, true);
            }
        }
        System.out.println("resident " + mostResidentBytes());
    }

    private static void tokens(long step, int[] tokens, int[] targets) {
        for (int i = 0; i < tokens.length; i++) {
            tokens[i] = i * 701;
            targets[i] = (i + 1) * 701;
        }
    }

    private static long mostResidentBytes() throws Exception {
        String line = Files.readAllLines(Path.of("/proc/self/status")).stream().filter(text -> text.startsWith("VmHWM:")).findFirst()
                .orElseThrow();
        return Long.parseLong(line.replaceAll("\\D", "")) << 10;
    }
}
