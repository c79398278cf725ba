package dev.smallbatch.model.witness;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.smallbatch.model.TestModel;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.optim.ParameterGroup;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.rule.AdamW;
import dev.smallbatch.optim.rule.Sgd;
import dev.smallbatch.optim.rule.UpdateRule;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.optim.train.BatchSource;
import dev.smallbatch.tck.LeakCheck;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The same two tiny models in PyTorch: the paper's decoder and GPT-2. The script under tools/golden made the files. */
@ExtendWith(LeakCheck.class)
class TorchWitnessTest {
    private static final double TOLERANCE = 1e-4;

    static Stream<Arguments> modelsOnBackends() {
        return Stream.of("paper", "gpt2").flatMap(model -> TestModel.backends().map(backend -> Arguments.of(model, backend)));
    }

    /** One file, its sizes and its batches. */
    private record Witness(Golden golden, JsonNode about, GptConfig config) {
        static Witness of(String model) throws IOException {
            Golden golden = Golden.read("/dev/smallbatch/model/witness/" + model + ".safetensors");
            JsonNode about = new ObjectMapper().readTree(golden.metadata().get("witness"));
            int layers = about.get("layers").intValue();
            int dim = about.get("dim").intValue();
            int heads = about.get("heads").intValue();
            int seqLen = about.get("seq_len").intValue();
            int vocabulary = about.get("vocab_size").intValue();
            return new Witness(golden, about, model.equals("paper") ? GptConfig.paper(layers, dim, heads, seqLen, vocabulary)
                    : GptConfig.gpt2(layers, dim, heads, seqLen, vocabulary));
        }

        int batchSize() {
            return about.get("batch_size").intValue();
        }

        Witnessed on(String backend) {
            return new Witnessed(backend, config, Witnessed.below("w/", golden.floats()), batchSize());
        }

        BatchSource batches() {
            return (step, tokens, targets) -> {
                int from = (int) step * tokens.length;
                System.arraycopy(golden.ints().get("tokens"), from, tokens, 0, tokens.length);
                System.arraycopy(golden.ints().get("targets"), from, targets, 0, targets.length);
            };
        }

        double number(String optimizer, String key) {
            return about.get(optimizer).get(key).doubleValue();
        }
    }

    @ParameterizedTest(name = "{0} on {1}")
    @MethodSource("modelsOnBackends")
    void logitsAgree(String model, String backend) throws IOException {
        Witness witness = Witness.of(model);
        try (Witnessed ours = witness.on(backend)) {
            Witnessed.assertClose("logits", witness.golden().floats().get("logits"), ours.logits(witness.batches()), TOLERANCE);
        }
    }

    @ParameterizedTest(name = "{0} on {1}")
    @MethodSource("modelsOnBackends")
    void theLossAndEveryGradientAgree(String model, String backend) throws IOException {
        Witness witness = Witness.of(model);
        try (Witnessed ours = witness.on(backend)) {
            Map<String, float[]> gradients = new HashMap<>();
            double loss = ours.gradients(witness.batches(), gradients);
            double expected = witness.golden().floats().get("sgd.losses")[0];
            assertEquals(expected, loss, TOLERANCE * expected);
            Witnessed.assertAllClose(Witnessed.below("g/", witness.golden().floats()), gradients, TOLERANCE);
        }
    }

    @ParameterizedTest(name = "{0} on {1}")
    @MethodSource("modelsOnBackends")
    void theLossOfWholeLogitsAndItsGradientsAgree(String model, String backend) throws IOException {
        Witness witness = Witness.of(model);
        try (Witnessed ours = witness.on(backend)) {
            Map<String, float[]> gradients = new HashMap<>();
            double loss = ours.gradientsByLogits(witness.batches(), gradients);
            double expected = witness.golden().floats().get("sgd.losses")[0];
            assertEquals(expected, loss, TOLERANCE * expected);
            Witnessed.assertAllClose(Witnessed.below("g/", witness.golden().floats()), gradients, TOLERANCE);
        }
    }

    @ParameterizedTest(name = "{0} on {1}")
    @MethodSource("modelsOnBackends")
    void tenStepsOfSgdFollowTheLosses(String model, String backend) throws IOException {
        Witness witness = Witness.of(model);
        assertFollows(witness, backend, "sgd", new Sgd(new Constant(witness.number("sgd", "lr"))));
    }

    @ParameterizedTest(name = "{0} on {1}")
    @MethodSource("modelsOnBackends")
    void tenStepsOfAdamWFollowTheLosses(String model, String backend) throws IOException {
        Witness witness = Witness.of(model);
        JsonNode betas = witness.about().get("adamw").get("betas");
        assertFollows(witness, backend, "adamw", new AdamW(new Constant(witness.number("adamw", "lr")),
                new Decay.PerStep(betas.get(0).doubleValue()), new Decay.PerStep(betas.get(1).doubleValue()),
                witness.number("adamw", "eps"), witness.number("adamw", "weight_decay")));
    }

    private static void assertFollows(Witness witness, String backend, String optimizer, UpdateRule rule) {
        float[] expected = witness.golden().floats().get(optimizer + ".losses");
        try (Witnessed ours = witness.on(backend)) {
            double[] losses = ours.train(List.of(ParameterGroup.all(rule)), witness.batches(), expected.length);
            for (int step = 0; step < expected.length; step++) {
                assertEquals(expected[step], losses[step], TOLERANCE * expected[step], "step " + step);
            }
        }
    }
}
