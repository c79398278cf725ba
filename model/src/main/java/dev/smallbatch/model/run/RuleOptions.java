package dev.smallbatch.model.run;

import dev.smallbatch.core.spi.Quantization;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.rule.AdamW;
import dev.smallbatch.optim.rule.LowRank;
import dev.smallbatch.optim.rule.QuantizedState;
import dev.smallbatch.optim.rule.Sophia;
import dev.smallbatch.optim.rule.UpdateRule;
import dev.smallbatch.optim.schedule.Schedule;
import java.util.List;
import java.util.function.DoubleFunction;

/**
 * What a row of {@link OptimizerKind} makes its rules of.
 *
 * @param update every choice
 * @param schedule gives a peak its schedule
 */
record RuleOptions(RunConfig.Update update, DoubleFunction<Schedule> schedule) {
    /** The sizes of a block of state in 8 bits. */
    static final List<String> BLOCKS = List.of("64", "128", "256", "512", "1024", "2048", "4096");

    /** {@code --lr} over the run. */
    Schedule lr() {
        return schedule.apply(update.lr());
    }

    /** A setting that is a peak rate over the run. */
    Schedule lr(String setting) {
        return schedule.apply(number(setting));
    }

    double beta1() {
        return update.beta1();
    }

    Decay firstDecay() {
        return new Decay.PerStep(update.beta1());
    }

    /** Null if the rule has none, or none was given. */
    Decay secondDecay() {
        return update.beta2();
    }

    double weightDecay() {
        return update.weightDecay();
    }

    double number(String setting) {
        return update.settings().number(setting);
    }

    int whole(String setting) {
        return update.settings().whole(setting);
    }

    /** A setting that is a decay per step. */
    Decay decay(String setting) {
        return new Decay.PerStep(number(setting));
    }

    /** A setting that is one of the constants of a type. */
    <E extends Enum<E>> E constant(Class<E> type, String setting) {
        return update.settings().constant(type, setting);
    }

    /** Adam on projections of the gradients of matrices, by the settings that {@link OptimizerRow#lowRank} has. */
    LowRank lowRank() {
        AdamW adam = new AdamW(lr("matrix-lr"), firstDecay(), secondDecay(), 1e-6, weightDecay());
        return new LowRank(adam, whole("rank"), whole("gap"));
    }

    /** A rule with its state in 8 bits, by the settings of {@link OptimizerRow#in8Bits}. */
    QuantizedState in8Bits(UpdateRule rule) {
        Quantization how = new Quantization(whole("block"), update.settings().text("signs").equals("kept"));
        return new QuantizedState(rule, how, whole("smallest"), update.settings().text("tables").equals("8"));
    }

    /** By the settings that {@link OptimizerRow#sophia} has. */
    Sophia sophia(Sophia.Form form) {
        return new Sophia(lr(), firstDecay(), secondDecay(), form, number("gamma"), 1e-12, whole("interval"), weightDecay());
    }

    /** With all the common options; also for what a rule for matrices leaves over. */
    AdamW adamW() {
        return new AdamW(lr(), firstDecay(), secondDecay(), 1e-8, weightDecay());
    }
}
