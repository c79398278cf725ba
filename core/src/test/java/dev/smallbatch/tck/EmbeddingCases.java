package dev.smallbatch.tck;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.smallbatch.core.spi.EmbeddingKernels;
import dev.smallbatch.core.tensor.DType;
import dev.smallbatch.core.tensor.Shape;
import dev.smallbatch.core.tensor.ShapeException;
import dev.smallbatch.core.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Checks of {@link EmbeddingKernels}. */
public abstract class EmbeddingCases extends FamilyCases {
    private static final List<DType> WEIGHTS = List.of(DType.F32, DType.BF16);

    EmbeddingCases(BackendConformance suite) {
        super(suite);
    }

    @Override
    final Class<?> family() {
        return EmbeddingKernels.class;
    }

    @Override
    final List<OpCase> cases() {
        List<OpCase> cases = new ArrayList<>();
        both(cases, 3, 4, 5, 7, 6, true);
        for (int C : Shapes.SIZES) {
            both(cases, 2, 5, C, 11, 5, true);
            both(cases, 2, 5, C, 11, 5, false);
        }
        for (int T : Shapes.TIMES) {
            for (int B : Shapes.BATCHES) {
                both(cases, B, T, 19, 1 + T / 2, T + 3, T % 2 == 1);
            }
        }
        both(cases, 2, 300, 512, 1000, 300, true);
        return cases;
    }

    private static void both(List<OpCase> cases, int B, int T, int C, int V, int rows, boolean positions) {
        String label = "B %d T %d C %d V %d%s".formatted(B, T, C, V, positions ? " positions " + rows : "");
        int[] tokens = Data.ids(T * 31L + C, B * T, V);
        tokens[0] = V - 1;
        for (DType table : WEIGHTS) {
            for (DType added : positions ? WEIGHTS : List.of(DType.F32)) {
                OpCase embed = OpCase.of("embed", label + " " + table + " " + added).written("out", B, T, C)
                        .ids("tokens", tokens, B, T).read("table", V, C).weight(table).freeAxes(0);
                cases.add((positions ? embed.read("positions", rows, C).weight(added).optional().freeAxes(0) : embed.absent("positions"))
                        .call((k, t) -> k.embedding().embed(t[0], t[1], t[2], t[3]))
                        .expect(o -> List.of(EmbeddingOracle.embed(tokens, o.get("table"), o.get("positions"), T, C))));
            }
        }
        cases.add(backward(label, tokens, new int[] {B, T, C, V, rows}, positions));
    }

    private static OpCase backward(String label, int[] tokens, int[] size, boolean positions) {
        int T = size[1];
        int C = size[2];
        OpCase c = OpCase.of("embedBackward", label).accumulated("dtable", size[3], C).freeAxes(0);
        return (positions ? c.accumulated("dpositions", size[4], C).optional().freeAxes(0) : c.absent("dpositions"))
                .read("dout", size[0], T, C).ids("tokens", tokens, size[0], T)
                .call((k, t) -> k.embedding().embedBackward(t[0], t[1], t[2], t[3]))
                .expect(o -> {
                    Expected table = EmbeddingOracle.dtable(o.get("dtable"), o.get("dout"), tokens, C);
                    return positions ? List.of(table, EmbeddingOracle.dpositions(o.get("dpositions"), o.get("dout"), T, C))
                            : List.of(table);
                });
    }

    @Override
    final List<GradientCheck> gradients() {
        int T = 5;
        int C = 7;
        int[] tokens = Data.ids(9, 2 * T, 4);
        OpCase c = backward("gradient", tokens, new int[] {2, T, C, 4, 6}, true);
        double[] table = Data.toDoubles(Data.normal(10, 4 * C));
        double[] positions = Data.toDoubles(Data.normal(11, 6 * C));
        return List.of(
                new GradientCheck("embed by table", c, "dtable", table,
                        p -> EmbeddingOracle.embed(tokens, p, positions, T, C).value(), c.get("dout")),
                new GradientCheck("embed by positions", c, "dpositions", positions,
                        p -> EmbeddingOracle.embed(tokens, table, p, T, C).value(), c.get("dout")));
    }

    @Test
    void refusesTokensOutsideTheTableAndSaysWhichAndWhere() {
        Tensor out = region().allocate(DType.F32, Shape.of(2, 3, 4));
        Tensor table = region().allocate(DType.F32, Shape.of(7, 4));
        Tensor tokens = region().allocate(DType.I32, Shape.of(2, 3));
        for (int wrong : new int[] {-1, 7, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
            tokens.copyFrom(new int[] {0, 1, 2, 6, wrong, 5});
            String forward = assertThrows(IllegalArgumentException.class,
                    () -> kernels().embedding().embed(out, tokens, table, null)).getMessage();
            boolean position = forward.contains("1, 1") || forward.contains("4");
            assertTrue(position && forward.contains(Integer.toString(wrong)) && forward.contains("7"),
                    () -> "position (1, 1), number 4, token " + wrong + ", V 7: " + forward);
            assertThrows(IllegalArgumentException.class, () -> kernels().embedding().embedBackward(table, null, out, tokens));
        }
    }

    @Test
    void refusesFewerPositionsThanTimes() {
        Tensor out = region().allocate(DType.F32, Shape.of(2, 3, 4));
        Tensor table = region().allocate(DType.F32, Shape.of(7, 4));
        Tensor positions = region().allocate(DType.F32, Shape.of(2, 4));
        Tensor tokens = region().allocate(DType.I32, Shape.of(2, 3));
        tokens.copyFrom(new int[6]);
        assertThrows(ShapeException.class, () -> kernels().embedding().embed(out, tokens, table, positions));
        assertThrows(ShapeException.class, () -> kernels().embedding().embedBackward(table, positions, out, tokens));
    }
}
