/**
 * The kernel lab: what makes a kernel fast, one step at a time. A class for each kernel holds its versions, from plain loops to
 * the one that is shipped, each differing from the one before in one idea; read a class from top to bottom. No version is timed
 * that does not compute what the formula in double says. {@code smallbatch bench --lab sgemm} runs one.
 */
package dev.smallbatch.bench.lab;
