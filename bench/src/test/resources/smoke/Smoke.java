package smoke;

import dev.smallbatch.core.spi.Backend;
import dev.smallbatch.core.spi.BackendOptions;
import dev.smallbatch.core.spi.Backends;
import dev.smallbatch.model.gpt.Gpt;
import dev.smallbatch.model.gpt.GptConfig;

/** Prints which backends it finds, which one auto picks, and whether vector opens when it is asked for by name. */
public final class Smoke {
    private Smoke() {}

    public static void main(String[] args) {
        System.out.println("module " + Smoke.class.getModule().isNamed());
        System.out.println("parameters " + Gpt.planned(GptConfig.preset("tiny")).parameters().size());
        Backends.survey().forEach(candidate -> System.out.println("found " + candidate));
        try (Backend backend = Backends.open("auto", new BackendOptions(1))) {
            System.out.println("auto " + backend.info().name());
        }
        try (Backend backend = Backends.open("vector", new BackendOptions(1))) {
            System.out.println("strict " + backend.info().name());
        } catch (IllegalStateException e) {
            System.out.println("strict refused: " + e.getMessage());
        }
    }
}
