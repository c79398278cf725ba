/**
 * The conformance suite of back ends: extend {@link dev.smallbatch.tck.BackendConformance}. Its oracle is written from the
 * formulas of the contract, in double, and shares no code with any back end. Knows the contract and the recording of
 * calls; must not know how kernels are written.
 */
package dev.smallbatch.tck;
