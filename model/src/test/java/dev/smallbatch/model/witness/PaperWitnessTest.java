package dev.smallbatch.model.witness;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.smallbatch.model.TestModel;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.optim.ParameterGroup;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.rule.Adafactor;
import dev.smallbatch.optim.rule.AdamW;
import dev.smallbatch.optim.rule.Muon;
import dev.smallbatch.optim.rule.Sgd;
import dev.smallbatch.optim.schedule.Schedule;
import dev.smallbatch.optim.schedule.WarmupCosine;
import dev.smallbatch.optim.train.BatchSource;
import dev.smallbatch.tck.LeakCheck;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The paper's decoder as its authors' own code computed it: a random model of two layers, D 64, four heads, T 48, V 97. Its
 * tensors are per head and input before output; {@link #ours} brings them into our layout.
 */
@ExtendWith(LeakCheck.class)
class PaperWitnessTest {
    private static final double TOLERANCE = 1e-4;
    private static final double CURVE_TOLERANCE = 1e-3;
    private static final int DIM = 64;
    private static final int HEADS = 4;
    private static final int HEAD_SIZE = 16;
    private static final GptConfig CONFIG = GptConfig.paper(2, DIM, HEADS, 48, 97);
    private static final int BATCHES = 12;

    private static final Golden GOLDEN = Golden.read("/dev/smallbatch/model/paper/small.safetensors");

    static Stream<String> backends() {
        return TestModel.backends();
    }

    static Stream<Arguments> curvesOnBackends() {
        return Stream.of("sgd", "adam_t2", "adam_b2", "adafactor", "muon").flatMap(curve -> backends().map(backend -> Arguments.of(curve, backend)));
    }

    private static Witnessed on(String backend) {
        return new Witnessed(backend, CONFIG, ours("w/"), 1);
    }

    /** Targets are the tokens shifted left by one; the last position has none. */
    private static final BatchSource BATCH_SOURCE = (step, tokens, targets) -> {
        int from = (int) (step % BATCHES) * tokens.length;
        System.arraycopy(GOLDEN.ints().get("tokens"), from, tokens, 0, tokens.length);
        System.arraycopy(tokens, 1, targets, 0, tokens.length - 1);
        targets[tokens.length - 1] = -1;
    };

    @ParameterizedTest
    @MethodSource("backends")
    void logitsAgree(String backend) {
        try (Witnessed model = on(backend)) {
            Witnessed.assertClose("logits", GOLDEN.floats().get("logits"), model.logits(BATCH_SOURCE), TOLERANCE);
        }
    }

    @ParameterizedTest
    @MethodSource("backends")
    void theLossAndEveryGradientAgree(String backend) throws IOException {
        try (Witnessed model = on(backend)) {
            Map<String, float[]> gradients = new HashMap<>();
            double expected = json().get("loss0").doubleValue();
            assertEquals(expected, model.gradients(BATCH_SOURCE, gradients), TOLERANCE * expected);
            Witnessed.assertAllClose(ours("g/"), gradients, TOLERANCE);
        }
    }

    @ParameterizedTest
    @MethodSource("backends")
    void theLossOfWholeLogitsAndItsGradientsAgree(String backend) throws IOException {
        try (Witnessed model = on(backend)) {
            Map<String, float[]> gradients = new HashMap<>();
            double expected = json().get("loss0").doubleValue();
            assertEquals(expected, model.gradientsByLogits(BATCH_SOURCE, gradients), TOLERANCE * expected);
            Witnessed.assertAllClose(ours("g/"), gradients, TOLERANCE);
        }
    }

    @ParameterizedTest(name = "{0} on {1}")
    @MethodSource("curvesOnBackends")
    void theLossCurveIsFollowed(String curve, String backend) throws IOException {
        JsonNode run = json().get(curve);
        int steps = run.get("steps").intValue();
        try (Witnessed model = on(backend)) {
            double[] losses = model.train(groups(run.get("hyper"), steps), BATCH_SOURCE, steps);
            for (int step = 0; step < steps; step++) {
                assertEquals(run.get("losses").get(step).doubleValue(), losses[step], CURVE_TOLERANCE, "step " + step);
            }
        }
    }

    private static List<ParameterGroup> groups(JsonNode hyper, int steps) {
        Schedule rate = rate(hyper, "peak_lr", steps);
        double weightDecay = hyper.get("weight_decay").doubleValue();
        return switch (hyper.get("optimizer").textValue()) {
            case "sgd" -> List.of(ParameterGroup.all(new Sgd(rate, 0, weightDecay)));
            case "adamw" -> List.of(ParameterGroup.all(adamW(rate, hyper, weightDecay)));
            case "adafactor" -> List.of(ParameterGroup.all(new Adafactor(rate,
                    new Adafactor.SecondMoment.Power(hyper.get("b2").doubleValue()), Adafactor.FACTOR_FROM, weightDecay)));
            default -> ParameterGroup.matricesAndOthers(new Muon(rate(hyper, "muon_lr", steps), decay(hyper, "muon_b1")),
                    adamW(rate, hyper, Muon.TABLES_WEIGHT_DECAY));
        };
    }

    private static AdamW adamW(Schedule rate, JsonNode hyper, double weightDecay) {
        return new AdamW(rate, decay(hyper, "b1"), decay(hyper, "b2"), 1e-8, weightDecay);
    }

    private static Decay decay(JsonNode hyper, String key) {
        return new Decay.PerStep(hyper.get(key).doubleValue());
    }

    private static Schedule rate(JsonNode hyper, String peak, int steps) {
        long warmup = (long) Math.floor(hyper.get("warmup_frac").doubleValue() * steps);
        return new WarmupCosine(hyper.get(peak).doubleValue(), steps, warmup);
    }

    private static JsonNode json() throws IOException {
        return new ObjectMapper().readTree(Golden.path("/dev/smallbatch/model/paper/small.json").toFile());
    }

    /** The tensors under a prefix with our names and layouts. */
    private static Map<String, float[]> ours(String prefix) {
        Map<String, float[]> theirs = Witnessed.below(prefix, GOLDEN.floats());
        Map<String, float[]> ours = new TreeMap<>();
        theirs.forEach((name, values) -> {
            String path = name.replace("blocks.", "h.");
            if (name.endsWith("attn.qkv_proj.kernel")) {
                ours.put(path.replace("qkv_proj.kernel", "qkv.weight"), transposed(values, 3 * HEADS, DIM, HEAD_SIZE));
            } else if (name.endsWith("attn.out_proj.kernel")) {
                ours.put(path.replace("out_proj.kernel", "out.weight"), transposed(values, 1, HEADS * HEAD_SIZE, DIM));
            } else if (name.endsWith("mlp.fc1.kernel")) {
                ours.put(path.replace("fc1.kernel", "up.weight"), transposed(values, 1, DIM, 4 * DIM));
            } else if (name.endsWith("mlp.fc2.kernel")) {
                ours.put(path.replace("fc2.kernel", "down.weight"), transposed(values, 1, 4 * DIM, DIM));
            } else {
                ours.put(name.equals("token_embed_in.embedding") ? "embed.weight" : "head.weight", values);
            }
        });
        return ours;
    }

    /** Each of {@code count} consecutive (rows, cols) matrices transposed. */
    private static float[] transposed(float[] values, int count, int rows, int cols) {
        assertEquals(count * rows * cols, values.length, () -> "of " + Arrays.toString(new int[] {count, rows, cols}));
        float[] out = new float[values.length];
        for (int m = 0; m < count; m++) {
            for (int i = 0; i < rows; i++) {
                for (int j = 0; j < cols; j++) {
                    out[(m * cols + j) * rows + i] = values[(m * rows + i) * cols + j];
                }
            }
        }
        return out;
    }
}
