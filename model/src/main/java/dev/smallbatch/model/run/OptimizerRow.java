package dev.smallbatch.model.run;

import dev.smallbatch.core.spi.Quantization;
import dev.smallbatch.optim.ParameterGroup;
import dev.smallbatch.optim.rule.QuantizedState;
import dev.smallbatch.optim.rule.UpdateRule;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/** What a row of {@link OptimizerKind} declares. Changes only while the row is written. */
final class OptimizerRow {
    final String what;
    double lr;
    boolean byWidth;
    double beta1;
    boolean needsMomentum;
    SecondDecay beta2 = SecondDecay.NONE;
    double perStep;
    String replaced = "";
    double weightDecay;
    ScheduleKind schedule = ScheduleKind.COSINE;
    boolean averages;
    boolean f32Alone;
    final List<Setting> settings = new ArrayList<>();
    Function<RuleOptions, List<ParameterGroup>> groups;

    /** What a second decay means to a rule, and where its default comes from. */
    enum SecondDecay {
        NONE, IF_GIVEN, PER_STEP, HALF_LIFE
    }

    private OptimizerRow(String what) {
        this.what = what;
    }

    /**
     * Begins a row.
     *
     * @param what the rule in a line, in lower case
     */
    static OptimizerRow row(String what) {
        return new OptimizerRow(what);
    }

    /** The usual peak rate, the same for every model and batch. */
    OptimizerRow lr(double usual) {
        lr = usual;
        return this;
    }

    /** The usual peak rate at a width of 256 and batch size 1; it falls with the width and rises a little with the batch. */
    OptimizerRow lrByWidth(double usual) {
        byWidth = true;
        return lr(usual);
    }

    /** It has a first decay per step. */
    OptimizerRow beta1(double usual) {
        beta1 = usual;
        return this;
    }

    /** It has a first decay per step, at 0 of which it would be another rule. */
    OptimizerRow momentum(double usual) {
        needsMomentum = true;
        return beta1(usual);
    }

    /** It has a second decay that is not of a mean of squares. */
    OptimizerRow beta2(double usual) {
        beta2 = SecondDecay.PER_STEP;
        perStep = usual;
        return this;
    }

    /** Its second decay is that of a mean of squares, whose half-life in tokens stays from batch to batch. */
    OptimizerRow secondMoment() {
        beta2 = SecondDecay.HALF_LIFE;
        return this;
    }

    /** Its mean of squares forgets by a setting, unless a second decay is given. */
    OptimizerRow secondMomentInsteadOf(String setting) {
        beta2 = SecondDecay.IF_GIVEN;
        replaced = setting;
        return this;
    }

    /** The usual weight decay, where it is not 0. */
    OptimizerRow weightDecay(double usual) {
        weightDecay = usual;
        return this;
    }

    /** It wants a rate that stays, or makes its own course of it. */
    OptimizerRow constantRate() {
        schedule = ScheduleKind.CONSTANT;
        return this;
    }

    /** What is evaluated is an average of weights, beside which a rate that falls has no place. */
    OptimizerRow averagesInsteadOfDecay() {
        averages = true;
        return constantRate();
    }

    /** It has a number of its own. */
    OptimizerRow set(String name, double usual, Setting.Range range, String help) {
        settings.add(Setting.number(name, range, usual, help));
        return this;
    }

    /** It comes in forms, one for each constant of {@code usual}'s type; see {@link RuleOptions#constant}. */
    OptimizerRow set(String name, Enum<?> usual, String help) {
        List<String> words = Arrays.stream(usual.getDeclaringClass().getEnumConstants())
                .map(c -> Names.option((Enum<?>) c)).toList();
        settings.add(Setting.word(name, words, Names.option(usual), help));
        return this;
    }

    /** It projects the gradients of hidden matrices, and is AdamW for the rest. */
    OptimizerRow lowRank(double usual, int rank, double scale) {
        return lrByWidth(usual).beta1(0.9).secondMoment()
                .set("matrix-lr", 5 * usual, Setting.Range.POSITIVE, "peak rate of hidden matrices")
                .set("rank", rank, Setting.Range.COUNT, "dimensions that a matrix is projected to")
                .set("gap", 200, Setting.Range.COUNT, "updates from one projection to the next")
                .set("scale", scale, Setting.Range.POSITIVE, "of their steps, under a root for apollo");
    }

    /** It cannot train rounded weights. */
    OptimizerRow f32Alone() {
        f32Alone = true;
        return this;
    }

    /** Its steps are divided by a curvature, times gamma, that is estimated now and then. */
    OptimizerRow sophia(double gamma) {
        return lrByWidth(2e-4).beta1(0.965).beta2(0.99)
                .set("gamma", gamma, Setting.Range.POSITIVE, "factor of the curvature; raise it if the win rate is below 0.1")
                .set("interval", 10, Setting.Range.COUNT, "updates from one estimate of it to the next");
    }

    /** Another row with the state of its rules in 8 bits; see {@link RuleOptions#in8Bits}. */
    OptimizerRow in8Bits() {
        OptimizerRow row = row(what + ", its state in 8 bits");
        row.lr = lr;
        row.byWidth = byWidth;
        row.beta1 = beta1;
        row.needsMomentum = needsMomentum;
        row.beta2 = beta2;
        row.perStep = perStep;
        row.weightDecay = weightDecay;
        row.settings.addAll(settings);
        String block = Integer.toString(Quantization.BLOCK);
        row.settings.add(Setting.word("block", RuleOptions.BLOCKS, block, "numbers that share a scale"));
        row.settings.add(Setting.word("tables", List.of("32", "8"), "32", "bits of the state of embeddings"));
        row.settings.add(Setting.word("signs", List.of("rounded", "kept"), "rounded", "what becomes of tiny negative numbers"));
        return row.set("smallest", QuantizedState.SMALLEST, Setting.Range.COUNT, "entries a parameter has at least for 8 bits")
                .groups(options -> groups.apply(options).stream()
                        .map(group -> new ParameterGroup(group.name(), group.selects(), options.in8Bits(group.rule()))).toList());
    }

    /** One rule for every parameter. */
    OptimizerRow rule(Function<RuleOptions, UpdateRule> rule) {
        return groups(options -> List.of(ParameterGroup.all(rule.apply(options))));
    }

    /** Rules by the role of a parameter. */
    OptimizerRow groups(Function<RuleOptions, List<ParameterGroup>> make) {
        groups = make;
        return this;
    }
}
