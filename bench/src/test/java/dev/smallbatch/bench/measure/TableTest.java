package dev.smallbatch.bench.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.smallbatch.bench.measure.Table.Column;
import dev.smallbatch.core.io.JsonWriter;
import org.junit.jupiter.api.Test;

class TableTest {
    private static Table table() {
        return new Table(Column.words("name"), Column.number("GFLOP/s", 1), Column.percent("of roof"))
                .row("linear", 312.25, 0.5).row("add", null, 1);
    }

    @Test
    void columnsArePaddedAndNumbersAlignedToTheRight() {
        assertEquals("""
                | name   | GFLOP/s | of roof |
                |--------|--------:|--------:|
                | linear |   312.3 |   50.0% |
                | add    |         |  100.0% |
                """, table().toString());
    }

    @Test
    void programsGetNumbersAsTheyAre() {
        assertEquals("[{\"name\":\"linear\",\"gflop_s\":312.25,\"of_roof\":0.5},"
                + "{\"name\":\"add\",\"gflop_s\":null,\"of_roof\":1}]",
                JsonWriter.write(table().toJson()));
    }

    @Test
    void aRowWithoutACellForEachColumnIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> table().row("add", 1));
    }
}
