package dev.smallbatch.model.run;

import static dev.smallbatch.model.run.OptimizerRow.row;
import static dev.smallbatch.model.run.Setting.Range.COUNT;
import static dev.smallbatch.model.run.Setting.Range.FRACTION;
import static dev.smallbatch.model.run.Setting.Range.NOT_NEGATIVE;
import static dev.smallbatch.model.run.Setting.Range.POSITIVE;

import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.model.run.OptimizerRow.SecondDecay;
import dev.smallbatch.optim.ParameterGroup;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.curvature.LearnedRate;
import dev.smallbatch.optim.curvature.LearnedSgd;
import dev.smallbatch.optim.rule.AdaGrad;
import dev.smallbatch.optim.rule.AdaBelief;
import dev.smallbatch.optim.rule.AdaGradNorm;
import dev.smallbatch.optim.rule.Adafactor;
import dev.smallbatch.optim.rule.Apollo;
import dev.smallbatch.optim.rule.Fira;
import dev.smallbatch.optim.rule.GaLore;
import dev.smallbatch.optim.rule.Lion;
import dev.smallbatch.optim.rule.MultiNorm;
import dev.smallbatch.optim.rule.Muon;
import dev.smallbatch.optim.rule.NAdam;
import dev.smallbatch.optim.rule.RAdam;
import dev.smallbatch.optim.rule.RmsProp;
import dev.smallbatch.optim.rule.ScheduleFree;
import dev.smallbatch.optim.rule.Sgd;
import dev.smallbatch.optim.rule.Signum;
import dev.smallbatch.optim.rule.Sophia;
import dev.smallbatch.optim.rule.WeightAverage;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.optim.schedule.Schedule;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SequencedMap;
import java.util.function.DoubleFunction;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * The optimizers a run can choose from: a row for each says what it is, its usual rates, decays and settings, and the rules
 * they make. On the command line {@code SOME_NAME} is {@code some-name}.
 */
public enum OptimizerKind {
    SGD(row("plain stochastic gradient descent, without any state").lr(0.2)
            .rule(o -> new Sgd(o.lr(), 0, o.weightDecay()))),
    MOMENTUM(row("SGD with heavy-ball momentum").lr(0.02).momentum(0.9)
            .rule(o -> new Sgd(o.lr(), o.beta1(), o.weightDecay()))),
    NESTEROV(row("SGD with Nesterov's momentum").lr(0.02).momentum(0.9)
            .rule(o -> new Sgd(o.lr(), o.beta1(), true, o.weightDecay()))),
    LEARNED_SGD(row("momentum at lr times the largest stable rate, learned from the curvature of batches; our own reading")
            .lr(0.5).beta1(0.9).f32Alone()
            .set("interval", 100, COUNT, "updates from one measurement of the curvature, 20 gradients, to the next")
            .rule(o -> new LearnedSgd(o.lr(), spectrum -> LearnedRate.ofMomentum(spectrum, o.beta1(), 1), o.whole("interval"),
                    o.weightDecay()))),
    SIGNUM(row("the sign of the momentum").lrByWidth(2e-4).momentum(0.9)
            .rule(o -> new Signum(o.lr(), o.beta1(), o.weightDecay()))),
    LION(row("the sign of an average in which the newest gradient weighs more").lrByWidth(1.6e-4).beta1(0.9).beta2(0.99)
            .rule(o -> new Lion(o.lr(), o.firstDecay(), o.secondDecay(), o.weightDecay()))),
    ADAGRAD(row("gradients over the root of the sum of their squares").lrByWidth(2.5e-2)
            .rule(o -> new AdaGrad(o.lr(), 1e-10, o.weightDecay()))),
    RMSPROP(row("gradients over the root of the mean of their squares").lrByWidth(1e-3).secondMoment()
            .rule(o -> new RmsProp(o.lr(), o.secondDecay(), 1e-8, o.weightDecay()))),
    ADAMW(row("Adam with decoupled weight decay").lrByWidth(2e-3).beta1(0.9).secondMoment()
            .rule(RuleOptions::adamW)),
    SOPHIA_G(row("an average over a curvature, estimated from labels that the model draws, and clipped").sophia(0.5)
            .rule(o -> o.sophia(Sophia.Form.G))),
    SOPHIA_H(row("an average over a curvature, estimated by products with the Hessian, and clipped").sophia(0.01).f32Alone()
            .rule(o -> o.sophia(Sophia.Form.H))),
    MOMENTUM_8BIT(MOMENTUM.row.in8Bits()),
    LION_8BIT(LION.row.in8Bits()),
    ADAGRAD_8BIT(ADAGRAD.row.in8Bits()),
    RMSPROP_8BIT(RMSPROP.row.in8Bits()),
    ADAMW_8BIT(ADAMW.row.in8Bits()),
    ADAFACTOR(row("Adam's second moment in rows and columns, hardly any state").lrByWidth(1e-2)
            .set("power", Adafactor.POWER, POSITIVE,
                    "1 - k^-power of the mean of squares stays in update k, unless beta2 is given")
            .set("factor-from", Adafactor.FACTOR_FROM, COUNT, "least rows and columns of a matrix that is factored")
            .set("form", Adafactor.Form.OPTAX, "what keeps the divisor from 0: 1e-30 added to squares, or torch's bounds")
            .set("smallest-scale", Adafactor.SMALLEST_SCALE, POSITIVE, "least size of a parameter that steps are measured by")
            .set("largest-step", 1, POSITIVE, "size of a step, before rate and scale, above which it is shortened")
            .secondMomentInsteadOf("power")
            .rule(o -> new Adafactor(o.lr(), o.secondDecay() != null ? new Adafactor.SecondMoment.Constant(o.secondDecay())
                    : new Adafactor.SecondMoment.Power(o.number("power")), o.whole("factor-from"),
                    o.constant(Adafactor.Form.class, "form"), o.number("smallest-scale"), o.number("largest-step"),
                    o.weightDecay()))),
    MUON(row("orthogonal steps for hidden matrices; adamw with the common options for the rest").lrByWidth(2e-3).beta1(0.9)
            .secondMoment().weightDecay(Muon.TABLES_WEIGHT_DECAY)
            .set("matrix-lr", 0.02, POSITIVE, "peak rate of hidden matrices")
            .set("beta", 0.95, FRACTION, "decay of their average per step")
            .set("average", Muon.Average.PLAIN, "what of the gradients is made orthogonal: their average, or one a step ahead")
            .set("length", Muon.Length.TALL, "of a step: longer for tall matrices, for wide ones, or as long as Adam's")
            .set("heads", Muon.Heads.TOGETHER, "whether queries, keys, values and results are matrices of all heads or of each")
            .set("beta-warmup", 0, NOT_NEGATIVE, "updates in which beta rises to its value; 0 for none, often 300")
            .set("first-beta", 0.85, FRACTION, "what it rises from, if it does")
            .groups(o -> ParameterGroup.matricesAndOthers(new Muon(o.lr("matrix-lr"), o.decay("beta"),
                    o.number("beta-warmup"), o.number("first-beta"), o.constant(Muon.Average.class, "average"),
                    o.constant(Muon.Length.class, "length"), o.constant(Muon.Heads.class, "heads"), 0), o.adamW()))),
    SWAN(row("whitened gradients for hidden matrices, without state; adamw with the common options for the rest")
            .lrByWidth(5e-3).beta1(0.9).secondMoment()
            .set("matrix-lr", 2.5e-3, POSITIVE, "peak rate of hidden matrices, the size of their steps")
            .set("center", Centering.ROWS, "whether rows have their mean taken away first")
            .set("beta", MultiNorm.SWAN_BETA, FRACTION, "of the iteration that whitens; 0.5 converges")
            .set("iterations", MultiNorm.SWAN_STEPS, COUNT, "of it")
            .groups(o -> ParameterGroup.matricesAndOthers(MultiNorm.swan(o.lr("matrix-lr"),
                    o.constant(Centering.class, "center") == Centering.ROWS, o.number("beta"), o.whole("iterations"),
                    o.weightDecay()), o.adamW()))),
    SINKGD(row("gradients with balanced rows and columns for hidden matrices, without state; adamw for the rest")
            .lrByWidth(5e-3).beta1(0.9).secondMoment()
            .set("matrix-lr", 2.5e-3, POSITIVE, "peak rate of hidden matrices, the size of their steps")
            .set("iterations", MultiNorm.SINK_ROUNDS, COUNT, "how often rows and columns are normalized")
            .groups(o -> ParameterGroup.matricesAndOthers(
                    MultiNorm.sinkGd(o.lr("matrix-lr"), o.whole("iterations"), o.weightDecay()), o.adamW()))),
    SCALE(row("normalized rows, of tables columns, momentum for the head alone; adamw for vectors")
            .lrByWidth(2e-3).beta1(0.9).secondMoment()
            .set("matrix-lr", 1e-3, POSITIVE, "peak rate of matrices and tables, the size of their steps")
            .set("beta", 0.9, FRACTION, "decay of the head's average per step")
            .groups(o -> ParameterGroup.scale(o.lr("matrix-lr"), o.decay("beta"), o.weightDecay(), o.adamW()))),
    GALORE(row("Adam along the leading singular vectors of hidden matrices' gradients; adamw for the rest")
            .lowRank(5e-3, 64, 0.25)
            .groups(o -> ParameterGroup.matricesAndOthers(new GaLore(o.lowRank(), o.number("scale")), o.adamW()))),
    FIRA(row("galore, and what lies beside its directions scaled to Adam's length").lowRank(5e-3, 64, 0.25)
            .groups(o -> ParameterGroup.matricesAndOthers(new Fira(o.lowRank(), o.number("scale")), o.adamW()))),
    APOLLO(row("gradients with their rows or columns scaled to Adam's length, which projections tell; adamw for the rest")
            .lowRank(5e-3, 64, 1)
            .groups(o -> ParameterGroup.matricesAndOthers(new Apollo(o.lowRank(), true, o.number("scale")), o.adamW()))),
    APOLLO_MINI(row("apollo with one scale for each matrix and next to no state").lowRank(2e-3, 1, 128)
            .groups(o -> ParameterGroup.matricesAndOthers(new Apollo(o.lowRank(), false, o.number("scale")), o.adamW()))),
    ADAGRADNORM(row("gradients over the root of the sum of all their squares together").lr(8)
            .set("b0", 0.01, POSITIVE, "the root before the first update")
            .rule(o -> new AdaGradNorm(o.lr(), o.number("b0"), o.weightDecay()))),
    NADAM(row("Adam that looks one step ahead").lrByWidth(2e-3).beta1(0.9).secondMoment()
            .set("rise", 0.004, NOT_NEGATIVE, "how fast the moment's share of a step rises")
            .rule(o -> new NAdam(o.lr(), o.firstDecay(), o.secondDecay(), o.number("rise"), 1e-8, o.weightDecay()))),
    RADAM(row("Adam that warms up by itself").lrByWidth(2e-3).beta1(0.9).secondMoment()
            .rule(o -> new RAdam(o.lr(), o.firstDecay(), o.secondDecay(), 1e-8, o.weightDecay()))),
    ADABELIEF(row("Adam that divides by how far gradients are from their mean").lrByWidth(2e-3).beta1(0.9).secondMoment()
            .set("eps", 1e-16, POSITIVE, "outside the root, and added to its square in every step")
            .set("first-steps", AdaBelief.FirstSteps.RECTIFIED, "limited in length, or corrected as adamw's")
            .rule(o -> new AdaBelief(o.lr(), o.firstDecay(), o.secondDecay(), o.number("eps"), o.number("eps"),
                    o.constant(AdaBelief.FirstSteps.class, "first-steps"), o.weightDecay()))),
    SCHEDULE_FREE_SGD(row("SGD whose average over all steps takes the place of a falling rate").lr(0.8).averagesInsteadOfDecay()
            .set("beta", 0.9, FRACTION, "how close to the average gradients are taken")
            .rule(o -> new ScheduleFree(o.lr(), o.number("beta"), o.weightDecay()))),
    SCHEDULE_FREE_ADAMW(row("adamw without its first moment, whose average over all steps takes the place of a falling rate")
            .lrByWidth(5e-3).secondMoment().averagesInsteadOfDecay()
            .set("beta", 0.9, FRACTION, "how close to the average gradients are taken")
            .rule(o -> new ScheduleFree(o.lr(), o.number("beta"), o.secondDecay(), 1e-8, o.weightDecay())));

    /** What SWAN takes the mean of away. */
    private enum Centering {
        ROWS, NOTHING
    }

    /** What each can have beside its own settings, but for those that average weights themselves. */
    static final Setting EMA = Setting.number("ema", FRACTION, 0, "decay per step of an average of weights, which is then what is"
            + " evaluated and exported; 0 for none");

    private final OptimizerRow row;

    OptimizerKind(OptimizerRow row) {
        this.row = row;
    }

    /** What it is, in a line. */
    public String what() {
        return row.what;
    }

    /** Whether it trains weights of a type. */
    public boolean takes(DType dtype) {
        return dtype == DType.F32 || !row.f32Alone;
    }

    /** What it has beside the common options. */
    public List<Setting> settings() {
        return List.copyOf(row.settings);
    }

    /** All its settings with their defaults. */
    public Settings defaults() {
        return settings(Map.of(), false);
    }

    /**
     * Its settings with the values that are given.
     *
     * @param given by name
     * @param secondDecay whether a second decay is given; the setting it replaces is left out
     * @throws UsageException if there is no such setting, or a value is impossible
     */
    public Settings settings(Map<String, String> given, boolean secondDecay) {
        SequencedMap<String, String> values = new LinkedHashMap<>();
        for (Setting setting : row.settings) {
            if (secondDecay && setting.name().equals(row.replaced)) {
                require(!given.containsKey(row.replaced), row.replaced, given, " and a second decay are two ways to forget;"
                        + " give one of them");
                continue;
            }
            String value = setting.canonical(given.getOrDefault(setting.name(), setting.usual()));
            require(value != null, setting.name(), given, "; must be " + setting.possible());
            values.put(setting.name(), value);
        }
        String ema = EMA.canonical(given.getOrDefault(EMA.name(), EMA.usual()));
        require(ema != null, EMA.name(), given, "; must be " + EMA.possible());
        require(!row.averages || ema.equals("0"), EMA.name(), given, "; --optimizer " + option() + " averages weights itself");
        if (given.containsKey(EMA.name()) && !ema.equals("0")) {
            values.put(EMA.name(), ema);
        }
        for (String name : given.keySet()) {
            require(name.equals(EMA.name()) || values.containsKey(name), name, given,
                    "; --optimizer " + option() + " has no such setting");
        }
        return new Settings(values);
    }

    private void require(boolean condition, String name, Map<String, String> given, String problem) {
        if (!condition) {
            throw new UsageException("--set " + name + "=" + given.get(name) + problem + (row.settings.isEmpty()
                    ? ", nor any other" : ". Settings of " + option() + ": "
                    + row.settings.stream().map(Setting::toString).collect(Collectors.joining(", "))));
        }
    }

    /** The rules of a run; {@code schedule} gives a peak its schedule. */
    List<ParameterGroup> groups(RunConfig.Update update, DoubleFunction<Schedule> schedule) {
        List<ParameterGroup> groups = row.groups.apply(new RuleOptions(update, schedule));
        if (!update.settings().values().containsKey(EMA.name())) {
            return groups;
        }
        Decay ema = new Decay.PerStep(update.settings().number(EMA.name()));
        return groups.stream().map(g -> new ParameterGroup(g.name(), g.selects(),
                new WeightAverage(g.rule(), ema, true, 1))).toList();
    }

    /** The rules with their usual decays and settings and one learning rate for all that stays, to measure an update. */
    public List<ParameterGroup> atConstantRate(double lr) {
        return atConstantRate(lr, defaults());
    }

    /** The same with other settings. */
    public List<ParameterGroup> atConstantRate(double lr, Settings settings) {
        return groups(lr, new Decay.PerStep(0.99), null, settings, peak -> new Constant(lr));
    }

    /**
     * The rules of a run with the usual first decay.
     *
     * @param secondMoment decay of the mean of squares, where a rule has one
     * @param weightDecay null for the usual
     * @param schedule gives a peak rate its course
     */
    public List<ParameterGroup> groups(double lr, Decay secondMoment, Double weightDecay, Settings settings,
            DoubleFunction<Schedule> schedule) {
        boolean replaced = !row.replaced.isEmpty() && !settings.values().containsKey(row.replaced);
        Decay beta2 = replaced || row.beta2 == SecondDecay.HALF_LIFE ? secondMoment : beta2(1, 1);
        double decay = weightDecay == null ? row.weightDecay : weightDecay;
        return groups(new RunConfig.Update(this, lr, row.beta1, beta2, settings, decay, null, row.schedule, 0), schedule);
    }

    /** The usual peak rate for a model and a batch size. */
    public double lr(int dim, int batchSize) {
        return Defaults.lr(this, dim, batchSize);
    }

    /** The usual course of the learning rate after the warm-up. */
    public ScheduleKind schedule() {
        return row.schedule;
    }

    /** The common options it has, as they are given, with their defaults in words. */
    public SequencedMap<String, String> usual() {
        SequencedMap<String, String> options = new LinkedHashMap<>();
        options.put("--lr", row.lr + (row.byWidth ? " at a width of 256 and batch size 1, by width and batch"
                : " for every model"));
        if (hasBeta1()) {
            options.put("--beta1", Double.toString(row.beta1));
        }
        switch (row.beta2) {
            case NONE -> { }
            case IF_GIVEN -> options.put("--beta2-half-life", "none, " + row.replaced + " instead");
            case PER_STEP -> options.put("--beta2", Double.toString(row.perStep));
            case HALF_LIFE -> options.put("--beta2-half-life", "a 50th of the run, at least 14 updates");
        }
        options.put("--weight-decay", row.weightDecay == 0 ? "0" : Double.toString(row.weightDecay));
        return options;
    }

    /** The usual peak rate at a width of 256 and batch size 1. */
    double lr() {
        return row.lr;
    }

    /** Whether the rate falls with the width of the model and rises a little with the batch. */
    boolean scalesWithWidth() {
        return row.byWidth;
    }

    /** The usual first decay per step; 0 if the rule has none. */
    double beta1() {
        return row.beta1;
    }

    /** The usual weight decay. */
    double weightDecay() {
        return row.weightDecay;
    }

    boolean hasBeta1() {
        return row.beta1 > 0;
    }

    /** Whether a first decay of 0 would be plain {@link #SGD} or its sign. */
    boolean needsMomentum() {
        return row.needsMomentum;
    }

    /** Whether an average of weights takes the place of a rate that falls. */
    boolean averages() {
        return row.averages;
    }

    boolean hasBeta2() {
        return row.beta2 != SecondDecay.NONE;
    }

    /** Whether its second decay is that of a mean of squares, whose half-life in tokens stays from batch to batch. */
    boolean hasSecondMoment() {
        return row.beta2 == SecondDecay.HALF_LIFE || row.beta2 == SecondDecay.IF_GIVEN;
    }

    /** Whether there is always a second decay. */
    boolean needsBeta2() {
        return hasBeta2() && row.beta2 != SecondDecay.IF_GIVEN;
    }

    /**
     * The usual second decay of a run and its updates, of so many tokens; null if the rule has none, or none unless it is
     * asked for.
     */
    Decay beta2(long tokens, long tokensPerStep) {
        return switch (row.beta2) {
            case NONE, IF_GIVEN -> null;
            case PER_STEP -> new Decay.PerStep(row.perStep);
            case HALF_LIFE -> Decay.HalfLife.ofSecondMoment(tokens, tokensPerStep);
        };
    }

    /** As it is written on the command line and in files. */
    public String option() {
        return Names.option(this);
    }

    /**
     * The way back, in any case.
     *
     * @throws UsageException if there is no such optimizer
     */
    public static OptimizerKind named(String option) {
        return Arrays.stream(values()).filter(kind -> kind.option().equals(option.toLowerCase(Locale.ROOT))).findFirst()
                .orElseThrow(() -> new UsageException("--optimizer " + option + "; there is " + names(kind -> true)));
    }

    /** For messages: the names of those that something is true of. */
    static String names(Predicate<OptimizerKind> which) {
        return Arrays.stream(values()).filter(which).map(OptimizerKind::option).collect(Collectors.joining(", "));
    }
}
