package dev.smallbatch.optim.rule;

import dev.smallbatch.core.spi.Quantization;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.optim.ParameterGroup;
import dev.smallbatch.optim.batch.Decay;
import dev.smallbatch.optim.curvature.LearnedRate;
import dev.smallbatch.optim.curvature.LearnedSgd;
import dev.smallbatch.optim.curvature.Spectrum;
import dev.smallbatch.optim.schedule.Constant;
import dev.smallbatch.optim.schedule.Schedule;
import dev.smallbatch.optim.schedule.WarmupLinear;
import java.util.List;

/** Every rule, with learning rates for problems of size 1: the table that shared tests run over. */
public enum Rules {
    SGD(0.05, 0.002, 0) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return new Sgd(lr, 0, weightDecay);
        }
    },
    MOMENTUM(0.05, 0.001, 1) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return new Sgd(lr, 0.5, weightDecay);
        }
    },
    NESTEROV(0.05, 0.001, 1) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return new Sgd(lr, 0.5, true, weightDecay);
        }
    },
    /** Where nobody measures curvature, a rate of 1 is learned. */
    LEARNED_SGD(0.05, 0.001, 1) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            LearnedSgd rule = new LearnedSgd(lr, spectrum -> LearnedRate.ofMomentum(spectrum, 0.5, 1), 3, weightDecay);
            rule.learnFrom(step -> new Spectrum(new double[] {3}, new double[] {1}));
            return rule;
        }

        @Override
        public boolean takes(DType dtype) {
            return dtype == DType.F32;
        }

        @Override
        long stateBytes(Shape shape, Shape block) {
            return 4 * shape.numel() + 8;
        }
    },
    SIGNUM(0.05, 0.005, 1) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return new Signum(lr, 0.5, weightDecay);
        }
    },
    SIGN_SGD(0.05, 0.005, 0) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return new SignSgd(lr, weightDecay);
        }
    },
    LION(0.05, 0.005, 1) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return new Lion(lr, new Decay.PerStep(0.5), new Decay.HalfLife(64), weightDecay);
        }
    },
    ADAMW(0.05, 0.01, 2) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return new AdamW(lr, new Decay.PerStep(0.9), new Decay.HalfLife(6400), 1e-8, weightDecay);
        }
    },
    ADAGRAD(0.5, 1, 1) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return new AdaGrad(lr, 1e-10, weightDecay);
        }
    },
    RMSPROP(0.05, 0.01, 1) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return new RmsProp(lr, new Decay.HalfLife(6400), 1e-8, weightDecay);
        }
    },
    NADAM(0.05, 0.01, 2) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return new NAdam(lr, new Decay.PerStep(0.9), new Decay.HalfLife(6400), 0.004, 1e-8, weightDecay);
        }
    },
    RADAM(0.05, 0.01, 2) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return new RAdam(lr, new Decay.PerStep(0.9), new Decay.HalfLife(6400), 1e-8, weightDecay);
        }
    },
    ADABELIEF(0.05, 0.01, 2) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return new AdaBelief(lr, new Decay.PerStep(0.9), new Decay.HalfLife(6400), 1e-8, 1e-8, AdaBelief.FirstSteps.CORRECTED, weightDecay);
        }
    },
    RECTIFIED_ADABELIEF(0.05, 0.01, 2) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return new AdaBelief(lr, new Decay.PerStep(0.9), new Decay.HalfLife(6400), 1e-8, 1e-8, AdaBelief.FirstSteps.RECTIFIED, weightDecay);
        }
    },
    SCHEDULE_FREE_SGD(0.1, 0.001, 1) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return new ScheduleFree(lr, 0.9, weightDecay);
        }
    },
    SCHEDULE_FREE_ADAMW(0.1, 0.02, 2) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return new ScheduleFree(lr, 0.9, new Decay.HalfLife(6400), 1e-8, weightDecay);
        }
    },
    AVERAGED_ADAMW(0.05, 0.01, 3) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return new WeightAverage(ADAMW.with(lr, weightDecay), new Decay.PerStep(0.9), true, 2);
        }
    },
    ADAFACTOR(0.2, 0.05, 1) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return new Adafactor(lr, new Adafactor.SecondMoment.Constant(new Decay.HalfLife(6400)), 128, weightDecay);
        }

        @Override
        long stateBytes(Shape shape, Shape block) {
            return rowsAndColumns(shape, block);
        }
    },
    FACTORED_ADAFACTOR(0.2, 0.05, 0) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return new Adafactor(lr, new Adafactor.SecondMoment.Power(0.999), 2, weightDecay);
        }

        @Override
        long stateBytes(Shape shape, Shape block) {
            return rowsAndColumns(shape, block);
        }
    },
    MUON(0.05, 0.01, 1) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return new Muon(lr, new Decay.PerStep(0.9), Muon.Average.PLAIN, Muon.Length.TALL, weightDecay);
        }
    },
    NESTEROV_MUON(0.05, 0.01, 1) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return new Muon(lr, new Decay.PerStep(0.9), Muon.Average.NESTEROV, Muon.Length.TALL, weightDecay);
        }
    },
    OPTAX_MUON(0.05, 0.01, 1) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return new Muon(lr, new Decay.PerStep(0.9), Muon.Average.CORRECTED_NESTEROV, Muon.Length.WIDE, weightDecay);
        }
    },
    SINK_GD(0.05, 0.005, 0) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return MultiNorm.sinkGd(lr, 5, weightDecay);
        }
    },
    /** Not centered: the problems have rows of two, and without their mean those are one number. */
    SWAN(0.05, 0.005, 0) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return MultiNorm.swan(lr, false, 0.8, 10, weightDecay);
        }
    },
    MULTI_NORM(0.05, 0.005, 0) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return new MultiNorm(lr, List.of(new Projection.Sign(), new Projection.Columns()), 2, null, weightDecay);
        }
    },
    /** As the head's; the others have no momentum. */
    SCALE(0.05, 0.005, 1) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return new MultiNorm(lr, List.of(new Projection.Rows(false)), 1, new Decay.PerStep(0.9), weightDecay);
        }

        @Override
        public List<ParameterGroup> groups(double rate) {
            return ParameterGroup.scale(new Constant(rate), new Decay.PerStep(0.9), 0.01, ADAMW.with(new Constant(rate), 0));
        }
    },
    SOPHIA_G(0.05, 0.005, 2) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return sophia(lr, Sophia.Form.G, weightDecay);
        }
    },
    SOPHIA_H(0.05, 0.005, 2) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return sophia(lr, Sophia.Form.H, weightDecay);
        }

        @Override
        public boolean takes(DType dtype) {
            return dtype == DType.F32;
        }
    },
    GALORE(0.2, 0.01, 0) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return new GaLore(lowRank(lr, weightDecay), 1);
        }

        @Override
        long stateBytes(Shape shape, Shape block) {
            return 8 * 2 * shape.rows() + 4 * 2 * shape.cols();
        }
    },
    FIRA(0.2, 0.01, 0) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return new Fira(lowRank(lr, weightDecay), 1);
        }

        @Override
        long stateBytes(Shape shape, Shape block) {
            return 8 * 2 * shape.rows() + 4 * 2 * shape.cols() + 4;
        }
    },
    APOLLO(0.2, 0.01, 0) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return new Apollo(lowRank(lr, weightDecay), true, 1);
        }

        @Override
        long stateBytes(Shape shape, Shape block) {
            return 8 * 2 * shape.rows() + 4;
        }
    },
    APOLLO_MINI(0.05, 0.01, 0) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return Apollo.mini(lowRank(lr, weightDecay).adam(), 5);
        }

        @Override
        long stateBytes(Shape shape, Shape block) {
            return 8 * shape.rows() + 4;
        }
    },
    ADAGRAD_NORM(1, 3, 0) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return new AdaGradNorm(lr, 0.1, weightDecay);
        }

        /** Its rates are divided by the root of the sum of all squares. */
        @Override
        public List<ParameterGroup> groups(double rate) {
            return super.groups(100 * rate);
        }

        @Override
        long stateBytes(Shape shape, Shape block) {
            return 8;
        }
    },
    MOMENTUM_8BIT(0.05, 0.001, 1) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return quantized(MOMENTUM, lr, weightDecay);
        }
    },
    LION_8BIT(0.05, 0.005, 1) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return quantized(LION, lr, weightDecay);
        }
    },
    ADAMW_8BIT(0.05, 0.01, 2) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return quantized(ADAMW, lr, weightDecay);
        }
    },
    ADAGRAD_8BIT(0.5, 1, 1) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return quantized(ADAGRAD, lr, weightDecay);
        }
    },
    RMSPROP_8BIT(0.05, 0.01, 1) {
        @Override
        UpdateRule with(Schedule lr, double weightDecay) {
            return quantized(RMSPROP, lr, weightDecay);
        }
    };

    /** The rule of another row with its state in 8 bits, though parameters are small. */
    private static UpdateRule quantized(Rules rules, Schedule lr, double weightDecay) {
        return new QuantizedState(rules.with(lr, weightDecay), new Quantization(), 1, true);
    }

    /** For problems whose curvatures are about 1. */
    final double lr;
    /** For a problem whose curvatures reach a thousand. */
    final double steep;
    /** Numbers that it remembers for each number of a large parameter, about. */
    final int state;

    Rules(double lr, double steep, int state) {
        this.lr = lr;
        this.steep = steep;
        this.state = state;
    }

    abstract UpdateRule with(Schedule lr, double weightDecay);

    /** What it remembers of a parameter of several matrices. */
    long stateBytes(Shape shape, Shape block) {
        long numbers = shape.numel();
        return state * (with(new Constant(1), 0) instanceof QuantizedState ? numbers + 4 * (numbers / Quantization.BLOCK)
                : 4 * numbers);
    }

    /** Whether it updates weights of a type. */
    public boolean takes(DType dtype) {
        return true;
    }

    private static Sophia sophia(Schedule lr, Sophia.Form form, double weightDecay) {
        return new Sophia(lr, new Decay.PerStep(0.5), new Decay.PerStep(0.9), form, 0.05, 1e-12, 2, weightDecay);
    }

    private static long rowsAndColumns(Shape shape, Shape block) {
        return 4 * (shape.rows() * (shape.cols() / block.cols()) + shape.cols() * (shape.rows() / block.rows()));
    }

    /** All of a matrix with two rows or columns. */
    private static LowRank lowRank(Schedule lr, double weightDecay) {
        return new LowRank(new AdamW(lr, new Decay.PerStep(0.9), new Decay.HalfLife(6400), 1e-6, weightDecay), 2, 5);
    }

    /** One that such a rule takes: a warm-up of a twentieth of the steps, and down to 0, if it is not the rule that averages. */
    Schedule schedule(double peak, int steps) {
        return name().startsWith("SCHEDULE_FREE") ? new Constant(peak, steps / 20) : new WarmupLinear(peak, steps, steps / 20);
    }

    /** For the parameters of a model, at a constant rate; what is not for vectors leaves them to Adam. */
    public List<ParameterGroup> groups(double rate) {
        UpdateRule rule = with(new Constant(rate), 0.01);
        boolean matricesAlone = rule instanceof Muon || rule instanceof MultiNorm || rule instanceof GaLore || rule instanceof Fira
                || rule instanceof Apollo;
        return matricesAlone ? ParameterGroup.matricesAndOthers(rule, ADAMW.with(new Constant(rate), 0))
                : List.of(ParameterGroup.all(rule));
    }
}
