package dev.smallbatch.model.run;

import dev.smallbatch.optim.ParameterGroup;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.rule.AdaGrad;
import dev.smallbatch.optim.rule.Adafactor;
import dev.smallbatch.optim.rule.AdamW;
import dev.smallbatch.optim.rule.Lion;
import dev.smallbatch.optim.rule.Muon;
import dev.smallbatch.optim.rule.RmsProp;
import dev.smallbatch.optim.rule.Sgd;
import dev.smallbatch.optim.rule.Signum;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.optim.schedule.Schedule;
import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleFunction;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/** The update rules a run can choose from: a row for each with its options, their defaults, and the rule they make. */
public enum OptimizerKind {
    /** Plain stochastic gradient descent, without momentum or any other state. */
    SGD(0.2, false, 0, Beta2.NONE) {
        @Override
        List<ParameterGroup> groups(RunConfig.Update u, DoubleFunction<Schedule> peak) {
            return List.of(ParameterGroup.all(new Sgd(peak.apply(u.lr()), 0, u.weightDecay())));
        }
    },
    /** SGD with heavy-ball momentum. */
    MOMENTUM(0.02, false, 0.9, Beta2.NONE) {
        @Override
        List<ParameterGroup> groups(RunConfig.Update u, DoubleFunction<Schedule> peak) {
            return List.of(ParameterGroup.all(new Sgd(peak.apply(u.lr()), u.beta1(), u.weightDecay())));
        }
    },
    /** SGD with Nesterov's momentum. */
    NESTEROV(0.02, false, 0.9, Beta2.NONE) {
        @Override
        List<ParameterGroup> groups(RunConfig.Update u, DoubleFunction<Schedule> peak) {
            return List.of(ParameterGroup.all(new Sgd(peak.apply(u.lr()), u.beta1(), true, u.weightDecay())));
        }
    },
    /** The sign of the momentum. */
    SIGNUM(2e-4, true, 0.9, Beta2.NONE) {
        @Override
        List<ParameterGroup> groups(RunConfig.Update u, DoubleFunction<Schedule> peak) {
            return List.of(ParameterGroup.all(new Signum(peak.apply(u.lr()), u.beta1(), u.weightDecay())));
        }
    },
    /** Adam with decoupled weight decay. */
    ADAMW(2e-3, true, 0.9, Beta2.HALF_LIFE) {
        @Override
        List<ParameterGroup> groups(RunConfig.Update u, DoubleFunction<Schedule> peak) {
            return List.of(ParameterGroup.all(adamW(u, peak)));
        }
    },
    /** Adam's second moment in rows and columns; hardly any state. */
    ADAFACTOR(1e-2, true, 0, Beta2.INSTEAD_OF_POWER) {
        @Override
        List<ParameterGroup> groups(RunConfig.Update u, DoubleFunction<Schedule> peak) {
            Adafactor.SecondMoment moment = u.beta2() != null ? new Adafactor.SecondMoment.Constant(u.beta2())
                    : new Adafactor.SecondMoment.Power(u.adafactorPower());
            return List.of(ParameterGroup.all(new Adafactor(peak.apply(u.lr()), moment, Adafactor.FACTOR_FROM, u.weightDecay())));
        }
    },
    /** Orthogonal steps for hidden matrices; AdamW for everything else, with every option that does not say otherwise. */
    MUON(2e-3, true, 0.9, Beta2.HALF_LIFE) {
        @Override
        List<ParameterGroup> groups(RunConfig.Update u, DoubleFunction<Schedule> peak) {
            Decay beta = new Decay.PerStep(u.muonBeta());
            return ParameterGroup.matricesAndOthers(new Muon(peak.apply(u.muonLr()), beta), adamW(u, peak));
        }
    },
    /** The sign of an average that the newest gradient weighs more in. */
    LION(4e-4, true, 0.9, Beta2.PER_STEP) {
        @Override
        List<ParameterGroup> groups(RunConfig.Update u, DoubleFunction<Schedule> peak) {
            return List.of(ParameterGroup.all(new Lion(peak.apply(u.lr()), new Decay.PerStep(u.beta1()), u.beta2(),
                    u.weightDecay())));
        }
    },
    /** Gradients over the root of the sum of their squares. */
    ADAGRAD(1e-2, true, 0, Beta2.NONE) {
        @Override
        List<ParameterGroup> groups(RunConfig.Update u, DoubleFunction<Schedule> peak) {
            return List.of(ParameterGroup.all(new AdaGrad(peak.apply(u.lr()), 1e-10, u.weightDecay())));
        }
    },
    /** Gradients over the root of the mean of their squares. */
    RMSPROP(1e-3, true, 0, Beta2.HALF_LIFE) {
        @Override
        List<ParameterGroup> groups(RunConfig.Update u, DoubleFunction<Schedule> peak) {
            return List.of(ParameterGroup.all(new RmsProp(peak.apply(u.lr()), u.beta2(), 1e-8, u.weightDecay())));
        }
    };

    /** Peak rate of the matrices that {@link #MUON} updates. */
    static final double MUON_LR = 0.02;
    /** Decay of Muon's average of gradients, per step. */
    static final double MUON_BETA = 0.95;
    private static final double LION_BETA2 = 0.99;

    /** What a second decay means to a rule. */
    private enum Beta2 {
        NONE, INSTEAD_OF_POWER, PER_STEP, HALF_LIFE
    }

    private final double lr;
    private final boolean byWidth;
    private final double beta1;
    private final Beta2 beta2;

    OptimizerKind(double lr, boolean byWidth, double beta1, Beta2 beta2) {
        this.lr = lr;
        this.byWidth = byWidth;
        this.beta1 = beta1;
        this.beta2 = beta2;
    }

    /** The rules of a run; {@code peak} gives a schedule its peak. */
    abstract List<ParameterGroup> groups(RunConfig.Update update, DoubleFunction<Schedule> peak);

    /** The rules with their usual decays and a learning rate that stays the same, for measuring what an update costs. */
    public List<ParameterGroup> atConstantRate(double lr) {
        return groups(new RunConfig.Update(this, lr, beta1, beta2(1L << 30), 0.8, lr, MUON_BETA, 0, null, ScheduleKind.CONSTANT, 0),
                Constant::new);
    }

    private static AdamW adamW(RunConfig.Update u, DoubleFunction<Schedule> peak) {
        return new AdamW(peak.apply(u.lr()), new Decay.PerStep(u.beta1()), u.beta2(), 1e-8, u.weightDecay());
    }

    /** The usual peak rate at a width of 256 and batch size 1. */
    double lr() {
        return lr;
    }

    /** Whether the rate falls with the width of the model and rises a little with the batch. */
    boolean scalesWithWidth() {
        return byWidth;
    }

    /** The usual first decay per step; 0 if the rule has none. */
    double beta1() {
        return beta1;
    }

    /** The usual weight decay. */
    double weightDecay() {
        return this == MUON ? Muon.TABLES_WEIGHT_DECAY : 0;
    }

    boolean hasBeta1() {
        return beta1 > 0;
    }

    /** Whether a first decay of 0 would be plain {@link #SGD} or its sign. */
    boolean needsMomentum() {
        return this == MOMENTUM || this == NESTEROV || this == SIGNUM;
    }

    boolean hasBeta2() {
        return beta2 != Beta2.NONE;
    }

    /** Whether its second decay is that of a mean of squares, whose half-life in tokens stays from batch to batch. */
    boolean hasSecondMoment() {
        return beta2 == Beta2.HALF_LIFE || beta2 == Beta2.INSTEAD_OF_POWER;
    }

    /** The usual second decay of a run of so many tokens; null if the rule has none, or none unless it is asked for. */
    Decay beta2(long tokens) {
        return switch (beta2) {
            case NONE, INSTEAD_OF_POWER -> null;
            case PER_STEP -> new Decay.PerStep(LION_BETA2);
            case HALF_LIFE -> Decay.HalfLife.ofSecondMoment(tokens);
        };
    }

    /** As it is written on the command line and in files. */
    String option() {
        return RunConfigJson.lowerCase(this);
    }

    /** For messages: the names of those that something is true of. */
    static String names(Predicate<OptimizerKind> which) {
        return Arrays.stream(values()).filter(which).map(OptimizerKind::option).collect(Collectors.joining(", "));
    }
}
