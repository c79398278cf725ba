package dev.smallbatch.model.cli;

import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.model.gpt.GptConfig;
import dev.smallbatch.model.run.MachineLoad;
import dev.smallbatch.model.run.MemoryPlan;
import dev.smallbatch.model.run.Recipe;
import dev.smallbatch.model.run.TrainingSpeed;
import dev.smallbatch.optim.batch.Hyperparameters;
import dev.smallbatch.optim.batch.Throughput;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** Prints a recipe: what to do and why, the command for it, and what else could be done. */
final class RecipeReport {
    private static final String ROW = "%-48s %10s %14s %12s%s";
    private static final int LABEL = 14;
    private static final double LONG_RUN_SECONDS = 60 * 86_400;

    private final Console console;
    private final Recipe recipe;
    private final Optional<TrainingSpeed> speed;
    private final MachineLoad load;

    RecipeReport(Console console, Recipe recipe, Optional<TrainingSpeed> speed, MachineLoad load) {
        this.console = console;
        this.recipe = recipe;
        this.speed = speed;
        this.load = load;
    }

    void write(String preset) {
        measured();
        recipe.explain().forEach(this::line);
        recipe.warnings().forEach(warning -> line("warning", warning));
        speed.ifPresent(s -> time(s.tokensPerSecond(recipe.memory())));
        line("run it", command(console.command(), preset, recipe));
        console.out().println();
        console.out().println(Format.text(ROW, "instead", "memory", "tokens/s", "time", ""));
        row("as recommended", recipe.memory());
        recipe.alternatives().forEach(plan -> row(difference(recipe.choice(), plan.choice()), plan));
    }

    private void measured() {
        if (speed.isPresent()) {
            line("speed", speed.get().isEstimated()
                    ? "estimated from steps of one block with short sequences: the model's own would take too long here"
                    : "measured: " + batches(speed.get()) + "; larger batches and all with a ~ are estimates");
            load.warning().ifPresent(warning -> line("warning", warning));
        }
    }

    private static String batches(TrainingSpeed speed) {
        return speed.throughput().stream().filter(t -> speed.measuredBatches().contains(t.batchSize())).map(RecipeReport::text)
                .collect(Collectors.joining(", "));
    }

    private static String text(Throughput throughput) {
        return Format.text("batch %d %s tokens/s", throughput.batchSize(), Format.count(throughput.tokensPerSecond()));
    }

    private void time(double tokensPerSecond) {
        double seconds = recipe.hyperparameters().tokens() / tokensPerSecond;
        line("time", Format.text("%s at %s%s tokens/s", Format.duration(seconds), isMeasured(recipe.choice()) ? "" : "~",
                Format.count(tokensPerSecond)));
        if (seconds > LONG_RUN_SECONDS) {
            line("warning", "that is long for this machine: give fewer --tokens, take a smaller model, or only begin here");
        }
    }

    private boolean isMeasured(MemoryPlan.Choice choice) {
        MemoryPlan.Choice own = recipe.choice();
        boolean same = choice.optimizer() == own.optimizer() && choice.dtype() == own.dtype()
                && choice.recompute() == own.recompute() && choice.microBatches() == 1;
        return same && speed.map(s -> s.measuredBatches().contains(choice.batchSize())).orElse(false);
    }

    private void row(String label, MemoryPlan plan) {
        String rate = "";
        String time = "";
        if (speed.isPresent()) {
            double tokensPerSecond = speed.get().tokensPerSecond(plan);
            String mark = isMeasured(plan.choice()) ? "" : "~";
            rate = mark + Format.count(tokensPerSecond);
            time = mark + Format.duration(recipe.hyperparameters().tokens() / tokensPerSecond);
        }
        console.out().println(Format.text(ROW, label, Format.bytes(plan.resident()), rate, time,
                recipe.fits(plan) ? "" : "  does not fit"));
    }

    /** The options in which a choice differs from the recommended one. */
    static String difference(MemoryPlan.Choice from, MemoryPlan.Choice to) {
        List<String> options = new ArrayList<>();
        if (to.optimizer() != from.optimizer()) {
            options.add("--optimizer " + to.optimizer().option());
        }
        if (to.dtype() != from.dtype()) {
            options.add("--dtype " + lowerCase(to.dtype()));
        }
        if (to.recompute() != from.recompute()) {
            options.add(to.recompute() ? "--recompute" : "--no-recompute");
        }
        if (to.batchSize() != from.batchSize()) {
            options.add("--batch-size " + to.batchSize());
        }
        if (to.microBatches() != from.microBatches()) {
            options.add("--accumulate " + to.microBatches());
        }
        return String.join(" ", options);
    }

    /** The command that trains by a recipe, every choice said. */
    static String command(String program, String preset, Recipe recipe) {
        MemoryPlan.Choice choice = recipe.choice();
        Hyperparameters tuned = recipe.hyperparameters();
        GptConfig model = choice.model();
        List<String> options = new ArrayList<>(List.of(program, "train --data TEXT --out run"));
        options.add(shape(preset, model));
        options.add(model.vocabularySize() == 256 ? "--tokenizer byte" : "--vocab-size " + model.vocabularySize());
        options.add(recipe.growth().map(growth -> "--batch-size adaptive --batch-initial " + choice.batchSize() + " --batch-max "
                + growth.max() + " --batch-test " + growth.test() + " --batch-interval " + growth.interval() + " --lr-scaling "
                + growth.lrScaling()).orElse("--batch-size " + choice.batchSize()));
        options.add("--optimizer " + choice.optimizer().option() + " --dtype " + lowerCase(choice.dtype()));
        if (choice.dtype() == DType.BF16) {
            options.add("--rounding stochastic");
        }
        if (choice.recompute()) {
            options.add("--recompute");
        }
        options.add("--lr " + Format.number(tuned.peakLearningRate()));
        if (tuned.beta2HalfLife() > 0) {
            options.add("--beta2-half-life " + Format.number(tuned.beta2HalfLife()));
        }
        choice.settings().values().forEach((name, value) -> {
            if (!value.equals(choice.optimizer().defaults().values().get(name))) {
                options.add("--set " + name + "=" + value);
            }
        });
        options.add("--tokens " + tuned.tokens());
        return String.join(" ", options);
    }

    private static String shape(String preset, GptConfig model) {
        GptConfig base = GptConfig.preset(preset);
        List<String> options = new ArrayList<>(List.of("--preset " + preset));
        if (model.layers() != base.layers()) {
            options.add("--layers " + model.layers());
        }
        if (model.dim() != base.dim()) {
            options.add("--dim " + model.dim());
        }
        if (model.heads() != base.heads()) {
            options.add("--heads " + model.heads());
        }
        if (model.seqLen() != base.seqLen()) {
            options.add("--seq-len " + model.seqLen());
        }
        if (model.stableEmbedding()) {
            options.add("--stable-embedding");
        }
        return String.join(" ", options);
    }

    private static String lowerCase(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    /** A label and its text, which goes on below itself where the terminal ends. */
    private void line(String label, String text) {
        StringBuilder line = new StringBuilder(Format.text("%-" + LABEL + "s", label));
        int width = Math.max(console.columns(), 80);
        for (String word : text.split(" ")) {
            if (line.length() + 1 + word.length() > width) {
                console.out().println(line.toString().stripTrailing());
                line = new StringBuilder(" ".repeat(LABEL));
            }
            line.append(line.length() == LABEL ? "" : " ").append(word);
        }
        console.out().println(line.toString().stripTrailing());
    }
}
