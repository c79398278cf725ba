package dev.smallbatch.bench.experiments;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GridTest {
    private static List<Cell> cells(String grids, int seeds) throws IOException {
        return Grid.cells(Json.MAPPER.readTree(grids), seeds);
    }

    static Cell sgd(double lr) {
        return new Cell("sgd", 1, lr, null, null, null, null, null, null, null, null, null, null, null, 0);
    }

    @Test
    void everyCombinationIsACellForEverySeed() throws IOException {
        List<Cell> cells = cells("[{'optimizer':'sgd','batch':[1,4],'lr':[0.1,0.2]}]".replace('\'', '"'), 2);
        assertEquals(8, cells.size());
        assertEquals(8, cells.stream().distinct().count());
        assertEquals(sgd(0.1), cells.getFirst());
        assertEquals(1, cells.getLast().seed());
    }

    @Test
    void aGridMayHaveFewerSeedsThanTheOthers() throws IOException {
        assertEquals(1, cells("[{\"optimizer\":\"sgd\",\"batch\":1,\"lr\":0.1,\"seeds\":1}]", 3).size());
    }

    @Test
    void factorsChangeOneFieldAtATime() throws IOException {
        List<Cell> cells = cells("[{\"optimizer\":\"adam\",\"batch\":1,\"lr\":0.1,\"t1\":8,\"t2\":32,"
                + "\"factors\":{\"lr\":[0.5],\"t1\":[2,4]}}]", 1);
        assertEquals(List.of(0.1, 0.05, 0.1, 0.1), cells.stream().map(Cell::lr).toList());
        assertEquals(List.of(8.0, 8.0, 16.0, 32.0), cells.stream().map(Cell::t1).toList());
    }

    @Test
    void learningRatesMayGrowWithTheBatch() throws IOException {
        Cell cell = cells("[{\"optimizer\":\"sgd\",\"batch\":16,\"lr\":0.1,\"lrExponent\":0.5}]", 1).getFirst();
        assertEquals(0.4, cell.lr(), 1e-12);
    }

    @Test
    void aDecayIsGivenOneWay() {
        String both = "[{\"optimizer\":\"adam\",\"batch\":1,\"lr\":0.1,\"beta1\":0.9,\"beta2\":0.9,\"t2\":5}]";
        assertTrue(assertThrows(IllegalArgumentException.class, () -> cells(both, 1)).getMessage().contains("give one of"));
    }

    @Test
    void aFieldThatDoesNotExistIsRefused() {
        String wrong = "[{\"optimiser\":\"adam\"}]";
        assertTrue(assertThrows(IllegalArgumentException.class, () -> cells(wrong, 1)).getMessage().contains("optimiser"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"laptop", "paper"})
    void theCheckedInGridsAreCells(String name) throws IOException {
        for (String experiment : Json.scale(name, "").experiments().keySet()) {
            Scale scale = Json.scale(name, experiment);
            List<Cell> cells = Grid.cells(scale.experiments().get(experiment).path("grids"), 1);
            assertTrue(cells.stream().allMatch(cell -> cell.batch() >= 1 && cell.lr() > 0), experiment);
            long tokens = switch (experiment) {
                // The comparisons of all optimizers are not the paper's and have no time for so many tokens.
                case "optimizers" -> 1 << 19;
                case "optimizer-reference" -> 400 * 16 * 64;
                default -> 20 * scale.model().activeParameterCount();
            };
            assertEquals(tokens, scale.tokens(), experiment);
        }
    }
}
