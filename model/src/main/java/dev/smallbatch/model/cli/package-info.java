/**
 * The command line: parses options, prints, and leaves the work to {@link dev.smallbatch.model.run}. The only package that
 * writes to the console.
 */
package dev.smallbatch.model.cli;
