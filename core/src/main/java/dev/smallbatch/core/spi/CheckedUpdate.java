package dev.smallbatch.core.spi;

import dev.smallbatch.core.tensor.Tensor;

/** Checks the arguments of {@link UpdateKernels}. */
final class CheckedUpdate implements UpdateKernels {
    private static final Checks SGD_STEP = new Checks("sgdStep");
    private static final Checks SIGN_STEP = new Checks("signStep");
    private static final Checks ROOT_STEP = new Checks("rootStep");
    private static final Checks ADAM_W_STEP = new Checks("adamWStep");
    private static final Checks SCHEDULE_FREE_STEP = new Checks("scheduleFreeStep");
    private static final Checks SOPHIA_STEP = new Checks("sophiaStep");
    private static final Checks ADAFACTOR_STEP = new Checks("adafactorStep");
    private static final Checks FACTORED_ADAFACTOR_STEP = new Checks("factoredAdafactorStep");
    private static final Checks MUON_MOMENT = new Checks("muonMoment");
    private static final Checks MUON_STEP = new Checks("muonStep");
    private static final Checks BALANCE = new Checks("balance");
    private static final Checks BALANCED_STEP = new Checks("balancedStep");

    private static final Operand NONE = new Operand("none", null);

    private final UpdateKernels kernels;

    CheckedUpdate(UpdateKernels kernels) {
        this.kernels = kernels;
    }

    @Override
    public void sgdStep(Tensor p, Tensor m, Tensor g, Tensor s, Rounding rounding, long key) {
        elementwise(SGD_STEP, p, SGD_STEP.f32OrNull("m", m), NONE, g, s, MOMENTUM_SLOTS, rounding);
        kernels.sgdStep(p, m, g, s, rounding, key);
    }

    @Override
    public void signStep(Tensor p, Tensor m, Tensor g, Tensor s, Rounding rounding, long key) {
        elementwise(SIGN_STEP, p, SIGN_STEP.f32OrNull("m", m), NONE, g, s, MOMENTUM_SLOTS, rounding);
        kernels.signStep(p, m, g, s, rounding, key);
    }

    @Override
    public void rootStep(Tensor p, Tensor v, Tensor g, Tensor s, Rounding rounding, long key) {
        elementwise(ROOT_STEP, p, ROOT_STEP.f32("v", v), NONE, g, s, ROOT_SLOTS, rounding);
        kernels.rootStep(p, v, g, s, rounding, key);
    }

    @Override
    public void adafactorStep(Tensor p, Tensor v, Tensor g, Tensor s, Rounding rounding, long key) {
        elementwise(ADAFACTOR_STEP, p, ADAFACTOR_STEP.f32("v", v), NONE, g, s, ADAFACTOR_SLOTS, rounding);
        kernels.adafactorStep(p, v, g, s, rounding, key);
    }

    /** An update with one or two tensors of state, of the parameter's shape. */
    private static void elementwise(Checks checks, Tensor p, Operand first, Operand second, Tensor g, Tensor s, int slots,
            Rounding rounding) {
        Operand parameter = checks.weight("p", p);
        Operand gradient = checks.f32("g", g);
        Operand scalars = checks.f32("s", s);
        checks.given("rounding", rounding);
        checks.sameMatrix(parameter, first, second, gradient);
        checks.count(scalars, slots);
        checks.apart(3, parameter, first, second, gradient, scalars);
    }

    @Override
    public void adamWStep(Tensor p, Tensor m, Tensor v, Tensor g, Tensor s, Rounding rounding, long key) {
        elementwise(ADAM_W_STEP, p, ADAM_W_STEP.f32("m", m), ADAM_W_STEP.f32("v", v), g, s, ADAMW_SLOTS, rounding);
        kernels.adamWStep(p, m, v, g, s, rounding, key);
    }

    @Override
    public void scheduleFreeStep(Tensor p, Tensor m, Tensor v, Tensor g, Tensor s, Rounding rounding, long key) {
        elementwise(SCHEDULE_FREE_STEP, p, SCHEDULE_FREE_STEP.f32("m", m), SCHEDULE_FREE_STEP.f32OrNull("v", v), g, s,
                SCHEDULE_FREE_SLOTS, rounding);
        kernels.scheduleFreeStep(p, m, v, g, s, rounding, key);
    }

    @Override
    public void sophiaStep(Tensor p, Tensor m, Tensor c, Tensor g, Tensor s, Rounding rounding, long key) {
        elementwise(SOPHIA_STEP, p, SOPHIA_STEP.f32("m", m), SOPHIA_STEP.f32("c", c), g, s, SOPHIA_SLOTS, rounding);
        kernels.sophiaStep(p, m, c, g, s, rounding, key);
    }

    @Override
    public void factoredAdafactorStep(Tensor p, Tensor r, Tensor c, Tensor g, Tensor s, Rounding rounding, long key) {
        Checks checks = FACTORED_ADAFACTOR_STEP;
        Operand parameter = checks.weight("p", p);
        Operand rowMeans = checks.f32("r", r);
        Operand columnMeans = checks.f32("c", c);
        Operand gradient = checks.f32("g", g);
        Operand scalars = checks.f32("s", s);
        checks.given("rounding", rounding);
        checks.sameMatrix(parameter, gradient);
        grid(checks, parameter, rowMeans, columnMeans);
        checks.count(scalars, ADAFACTOR_SLOTS);
        checks.apart(3, parameter, rowMeans, columnMeans, gradient, scalars);
        kernels.factoredAdafactorStep(p, r, c, g, s, rounding, key);
    }

    @Override
    public void muonMoment(Tensor m, Tensor x, Tensor g, Tensor s) {
        Operand moment = MUON_MOMENT.f32("m", m);
        Operand blocks = MUON_MOMENT.f32("x", x);
        Operand gradient = MUON_MOMENT.f32("g", g);
        Operand scalars = MUON_MOMENT.f32("s", s);
        MUON_MOMENT.sameMatrix(moment, gradient);
        blocksOf(MUON_MOMENT, blocks, moment);
        MUON_MOMENT.count(scalars, MOMENTUM_SLOTS);
        MUON_MOMENT.apart(2, moment, blocks, gradient, scalars);
        kernels.muonMoment(m, x, g, s);
    }

    @Override
    public void muonStep(Tensor p, Tensor x, Tensor s, float factor, Rounding rounding, long key) {
        Operand parameter = MUON_STEP.weight("p", p);
        Operand blocks = MUON_STEP.f32("x", x);
        Operand scalars = MUON_STEP.f32("s", s);
        MUON_STEP.given("rounding", rounding);
        blocksOf(MUON_STEP, blocks, parameter);
        MUON_STEP.count(scalars, MOMENTUM_SLOTS);
        MUON_STEP.apart(1, parameter, blocks, scalars);
        kernels.muonStep(p, x, s, factor, rounding, key);
    }

    @Override
    public void balance(Tensor r, Tensor c, Tensor x, Lines lines, float floor) {
        Operand rows = BALANCE.f32("r", r);
        Operand columns = BALANCE.f32("c", c);
        Operand matrix = BALANCE.f32("x", x);
        BALANCE.given("lines", lines);
        grid(BALANCE, matrix, rows, columns);
        if (!(floor > 0)) {
            throw BALANCE.refusal("floor %s; a positive number", floor);
        }
        BALANCE.apart(2, rows, columns, matrix);
        kernels.balance(r, c, x, lines, floor);
    }

    @Override
    public void balancedStep(Tensor p, Tensor r, Tensor c, Tensor x, Tensor s, Rounding rounding, long key) {
        Checks checks = BALANCED_STEP;
        Operand parameter = checks.weight("p", p);
        Operand rows = checks.f32("r", r);
        Operand columns = checks.f32("c", c);
        Operand matrix = checks.f32("x", x);
        Operand scalars = checks.f32("s", s);
        checks.given("rounding", rounding);
        checks.sameMatrix(parameter, matrix);
        grid(checks, parameter, rows, columns);
        checks.count(scalars, MOMENTUM_SLOTS);
        checks.apart(1, parameter, rows, columns, matrix, scalars);
        kernels.balancedStep(p, r, c, x, s, rounding, key);
    }

    /** {@code r} has a number for each row, {@code c} one for each column of every block that {@code matrix} is a grid of. */
    private static void grid(Checks checks, Operand matrix, Operand r, Operand c) {
        checks.sameRows(matrix, r);
        checks.sameCols(matrix, c);
        if (r.cols() < 1 || matrix.cols() % r.cols() != 0) {
            throw checks.refusal("%s has %d columns of blocks, which do not divide the %d columns of %s", r, r.cols(),
                    matrix.cols(), matrix);
        }
        if (c.rows() < 1 || matrix.rows() % c.rows() != 0) {
            throw checks.refusal("%s has %d rows of blocks, which do not divide the %d rows of %s", c, c.rows(), matrix.rows(),
                    matrix);
        }
    }

    /** {@code blocks} is (I, J, rows, cols) and {@code matrix} is I rows by J columns of such blocks. */
    private static void blocksOf(Checks checks, Operand blocks, Operand matrix) {
        long[] dims = blocks.tensor().shape().dims();
        if (dims.length != 4 || dims[0] * dims[2] != matrix.rows() || dims[1] * dims[3] != matrix.cols()) {
            throw checks.refusal("%s is no grid of blocks that make up %s, a %d by %d matrix", blocks, matrix, matrix.rows(),
                    matrix.cols());
        }
    }
}
