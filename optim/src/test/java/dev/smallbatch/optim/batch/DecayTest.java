package dev.smallbatch.optim.batch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DecayTest {
    @ParameterizedTest
    @CsvSource({
        "0.95, 524288, 7084917.3, 0.05",
        "0.9999, 1024, 7097472.2, 0.05",
        "0.95, 1048576, 14169834.6, 0.05",
        "0.9999, 2048, 14194944.5, 0.05",
        "0.95, 1, 13.513407, 5e-7",
        "0.997, 1, 230.702313, 5e-7"})
    void halfLivesAreThePublishedOnes(double beta, long tokensPerStep, double halfLife, double tolerance) {
        assertEquals(halfLife, Decay.toHalfLife(beta, tokensPerStep), tolerance);
    }

    @ParameterizedTest
    @CsvSource({
        "512, 0.9999645114941",
        "1024, 0.9999290242476",
        "8192, 0.9994323350125",
        "524288, 0.9643115278566",
        "2097152, 0.8647079149943"})
    void tenMillionTokensGiveThePublishedDecays(long tokensPerStep, double beta) {
        assertEquals(beta, Decay.toPerStep(10e6, tokensPerStep), 5e-14);
        assertEquals(beta, new Decay.HalfLife(10e6).perStep(tokensPerStep), 5e-14);
    }

    @Test
    void rescalingKeepsTheHalfLife() {
        assertEquals(0.9998998228, Decay.rescale(0.95, 512 * 1024, 1024), 5e-11);
        assertEquals(0.9967993023, Decay.rescale(0.95, 16, 1), 5e-11);
    }

    @Test
    void theHalfLifeOfALargeBatchGivesThePublishedDecayAtBatchSizeOne() {
        double tokens = Decay.toHalfLife(0.95, 512 * 1024);
        assertEquals(0.9999, new Decay.HalfLife(tokens).perStep(1024), 5e-7);
    }

    @ParameterizedTest
    @CsvSource({"1e3, 1", "1e7, 512", "1e7, 2097152", "123.456, 1000"})
    void halfLifeToDecayAndBackIsTheSame(double tokens, double tokensPerStep) {
        assertEquals(tokens, Decay.toHalfLife(Decay.toPerStep(tokens, tokensPerStep), tokensPerStep), tokens * 1e-9);
    }

    @Test
    void afterOneHalfLifeHalfIsLeft() {
        assertEquals(0.5, new Decay.HalfLife(64_000).complement(64, 1000), 1e-15);
    }

    @Test
    void theComplementKeepsItsDigitsCloseToOne() {
        // 1 - 2^-x = x ln 2 - (x ln 2)^2 / 2 + ...; with x = 1e-13 the first term is exact to 13 digits.
        assertEquals(1e-13 * Math.log(2), new Decay.HalfLife(1e13).complement(1), 1e-25);
    }

    @Test
    void aFixedFactorDoesNotDependOnTheBatch() {
        Decay decay = new Decay.PerStep(0.9);
        assertEquals(0.9, decay.perStep(1));
        assertEquals(0.9, decay.perStep(1 << 20));
        assertEquals(0.1, decay.complement(7), 1e-16);
        assertEquals(1 - 0.9 * 0.9 * 0.9, decay.complement(7, 3), 1e-15);
    }

    @Test
    void betaZeroRemembersNothing() {
        for (Decay decay : new Decay[] {new Decay.PerStep(0), new Decay.HalfLife(0)}) {
            assertEquals(0, decay.perStep(512), decay.toString());
            assertEquals(1, decay.complement(512), decay.toString());
            assertEquals(1, decay.complement(512, 100), decay.toString());
        }
        assertEquals(0, Decay.toHalfLife(0, 512));
    }

    @Test
    void whatIsNoDecayIsRefused() {
        for (double beta : new double[] {-0.1, 1, Double.NaN}) {
            assertThrows(IllegalArgumentException.class, () -> new Decay.PerStep(beta), "beta " + beta);
            assertThrows(IllegalArgumentException.class, () -> Decay.toHalfLife(beta, 1), "beta " + beta);
        }
        for (double tokens : new double[] {-1, Double.NaN, Double.POSITIVE_INFINITY}) {
            assertThrows(IllegalArgumentException.class, () -> new Decay.HalfLife(tokens), "half-life " + tokens);
        }
        assertThrows(IllegalArgumentException.class, () -> new Decay.HalfLife(10).perStep(0));
    }
}
