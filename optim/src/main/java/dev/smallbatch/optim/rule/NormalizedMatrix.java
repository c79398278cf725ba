package dev.smallbatch.optim.rule;

import dev.smallbatch.core.autograd.Parameter;
import dev.smallbatch.core.spi.Kernels;
import dev.smallbatch.core.spi.Rounding;
import dev.smallbatch.core.spi.UpdateKernels.Lines;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.Tensor;

/**
 * The matrices of one parameter while they are projected, each block for itself. As long as rows and columns are normalized, they
 * remain the gradient and a factor for each row and column of a block; only what is no such factor copies them. Copies are made
 * by the update kernels: a step from zeros by rate -1. Lives during one update.
 */
final class NormalizedMatrix {
    private static final float FLOOR = 1e-8f;
    private static final float SQUARED_FLOOR = 1e-16f;

    private final Parameter parameter;
    private final Kernels kernels;
    /** Scalars of a step by rate -1 without decay. */
    private final Tensor ahead;
    /** One number for each row and column. */
    private final Tensor lines;
    private final Tensor first;
    private final Tensor second;
    private final Tensor work;
    private Tensor x;
    private Tensor r;
    private Tensor c;
    private boolean scaled;
    private boolean stacked;

    /**
     * @param x the gradient or its average, of the parameter's shape; read
     * @param ahead scalars of a step by rate -1 without decay
     * @param scratch of {@link #scratchSize}
     * @param copied whether it is for copies, too
     */
    NormalizedMatrix(Parameter parameter, Tensor x, Tensor ahead, Tensor scratch, boolean copied, Kernels kernels) {
        this.parameter = parameter;
        this.kernels = kernels;
        this.ahead = ahead;
        this.x = x;
        Shape shape = parameter.value().shape();
        long count = lineCount(parameter);
        long rows = shape.rows() * across(parameter);
        r = scratch.rows(0, rows).reshape(Shape.of(shape.rows(), across(parameter)));
        c = scratch.rows(rows, count).reshape(Shape.of(shape.rows() / parameter.block().rows(), shape.cols()));
        lines = scratch.rows(count, 2 * count);
        long at = 2 * count;
        long size = copied ? shape.numel() : 0;
        first = scratch.rows(at, at + size);
        second = scratch.rows(at + size, at + 2 * size);
        work = scratch.rows(at + 2 * size, scratch.numel());
        scaleBy(1);
    }

    /** Elements to work in. */
    static long scratchSize(Parameter parameter, boolean copied) {
        long size = parameter.value().numel();
        long forProducts = size / parameter.block().numel() * NewtonSchulz.squaresSize(parameter.block());
        return 2 * lineCount(parameter) + (copied ? 2 * size + Math.max(size, forProducts) : 0);
    }

    private static long across(Parameter parameter) {
        return parameter.value().shape().cols() / parameter.block().cols();
    }

    private static long lineCount(Parameter parameter) {
        Shape shape = parameter.value().shape();
        return shape.rows() * across(parameter) + shape.cols() * (shape.rows() / parameter.block().rows());
    }

    /** Forgets the factors of lines for one of all elements. */
    private void scaleBy(float factor) {
        kernels.elementwise().fill(r, factor);
        kernels.elementwise().fill(c, 1);
        scaled = factor != 1;
    }

    void project(Projection projection) {
        switch (projection) {
            case Projection.Rows(boolean centered) -> {
                if (centered) {
                    center();
                } else {
                    balance(Lines.ROWS);
                }
            }
            case Projection.Columns() -> balance(Lines.COLUMNS);
            case Projection.Frobenius() -> {
                copyIf(scaled, other());
                stack(other());
                scaleBy((float) Math.sqrt(parameter.block().numel()));
            }
            case Projection.Sign() -> {
                Tensor to = zeros(other(), x.shape());
                kernels.update().signStep(to, null, x, ahead, Rounding.NEAREST_EVEN, 0);
                x = to;
                scaleBy(1);
            }
            case Projection.Spectral(double beta, int steps) -> {
                copyIf(scaled, other());
                stack(other());
                orthogonalize(NewtonSchulz.cubic(beta, steps));
            }
        }
    }

    /** Divides lines by their root mean square. */
    void balance(Lines which) {
        kernels.update().balance(r, c, x, which, FLOOR);
        scaled = true;
    }

    /** The copy that x is not. */
    private Tensor other() {
        return x.overlaps(first) ? second : first;
    }

    private Tensor zeros(Tensor to, Shape shape) {
        kernels.elementwise().fill(to, 0);
        return to.reshape(shape);
    }

    /** Makes the factors of lines part of the elements. */
    private void copyIf(boolean needed, Tensor to) {
        if (needed) {
            Tensor product = zeros(to, x.shape());
            kernels.update().balancedStep(product, r, c, x, ahead, Rounding.NEAREST_EVEN, 0);
            x = product;
            scaleBy(1);
        }
    }

    /** Subtracts from each row its mean and divides it by its standard deviation. */
    private void center() {
        copyIf(scaled, other());
        long width = parameter.block().cols();
        Shape rows = Shape.of(x.numel() / width, width);
        Tensor to = other().reshape(rows);
        Tensor ones = c.reshape(Shape.of(c.numel())).rows(0, width);
        Tensor zeros = zeros(lines.rows(0, width), Shape.of(width));
        Tensor deviations = lines.rows(width, width + r.numel());
        kernels.norm().layerNorm(to, r.reshape(Shape.of(r.numel())), deviations, x.reshape(rows), ones, zeros, SQUARED_FLOOR);
        x = to.reshape(x.shape());
        scaleBy(1);
    }

    /** Blocks one after the other, each over its Euclidean norm. */
    private void stack(Tensor to) {
        Shape block = parameter.block();
        Shape shape = x.shape();
        Tensor moment = zeros(work.rows(0, x.numel()), shape);
        Tensor blocks = to.reshape(Shape.of(shape.rows() / block.rows(), shape.cols() / block.cols(), block.rows(),
                block.cols()));
        kernels.update().muonMoment(moment, blocks, x, ahead);
        long count = x.numel() / block.numel();
        x = to.reshape(Shape.of(count * block.rows(), block.cols()));
        r = r.reshape(Shape.of(count * block.rows(), 1));
        c = c.reshape(Shape.of(count, block.cols()));
        stacked = true;
    }

    private void orthogonalize(NewtonSchulz iteration) {
        Shape block = parameter.block();
        Tensor stack = x.reshape(Shape.of(x.numel() / block.numel(), block.rows(), block.cols()));
        x = iteration.orthogonalize(stack, other(), work, kernels).reshape(x.shape());
        scaleBy((float) Math.sqrt(Math.max(block.rows(), block.cols())));
    }

    /** Moves the parameter. */
    void step(Tensor scalars, WeightRounding rounding) {
        Tensor p = parameter.value();
        Shape block = parameter.block();
        if (stacked && across(parameter) > 1) {
            copyIf(scaled, other());
            Tensor blocks = x.reshape(Shape.of(p.shape().rows() / block.rows(), across(parameter), block.rows(), block.cols()));
            kernels.update().muonStep(p, blocks, scalars, 1, rounding.mode(), rounding.key());
        } else {
            kernels.update().balancedStep(p, r, c, x, scalars, rounding.mode(), rounding.key());
        }
    }
}
