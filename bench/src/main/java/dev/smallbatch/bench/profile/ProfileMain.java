package dev.smallbatch.bench.profile;

import dev.smallbatch.bench.measure.Arguments;
import dev.smallbatch.bench.measure.Machine;
import dev.smallbatch.bench.measure.PreparedStep;
import dev.smallbatch.bench.measure.Roofline;
import dev.smallbatch.bench.measure.Timings;
import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.model.gpt.GptConfig;
import java.util.Locale;
import java.util.Map;

/** Prints where the time of a training step goes. */
public final class ProfileMain {
    private static final Map<String, String> DEFAULTS = Map.ofEntries(Map.entry("preset", "lm11m"), Map.entry("opt", "adamw"),
            Map.entry("dtype", "f32"), Map.entry("batch", "1"), Map.entry("recompute", "false"), Map.entry("backend", "auto"),
            Map.entry("threads", Integer.toString(BackendOptions.defaults().threads())), Map.entry("warmup-seconds", "5"),
            Map.entry("seconds", "5"));

    private ProfileMain() {}

    /**
     * {@code --preset --opt sgd|adamw --dtype f32|bf16 --batch --recompute --backend --threads}, and how long: at least 10 steps
     * and {@code --warmup-seconds}, then at least 10 and {@code --seconds}.
     */
    public static void main(String[] arguments) {
        Arguments a = Arguments.parse(DEFAULTS, arguments);
        PreparedStep.Setup setup = new PreparedStep.Setup(GptConfig.preset(a.text("preset")), a.text("opt"), a.integer("batch"),
                DType.valueOf(a.text("dtype").toUpperCase(Locale.ROOT)), a.flag("recompute"));
        System.out.println("load before: " + Machine.load());
        try (Backend backend = Backends.open(a.text("backend"), new BackendOptions(a.integer("threads")))) {
            StepProfile profile = StepProfile.measure(setup, backend.kernels(),
                    new Timings.AtLeast(10, a.number("warmup-seconds")), new Timings.AtLeast(10, a.number("seconds")));
            Roofline roofline = Roofline.measure(backend.kernels(), backend.info().threads());
            System.out.println(backend.info() + "; at most " + roofline);
            System.out.println(ProfileTable.of(profile, profile.rows(), roofline));
            System.out.println(ProfileTable.of(profile, profile.byKernel(), roofline));
            System.out.print(ProfileTable.legend());
        }
    }
}
