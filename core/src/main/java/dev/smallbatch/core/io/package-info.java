/**
 * Files: tensors in the safetensors format, the little JSON it needs, and replacing files and directories so that a crash
 * never leaves half of one. Knows tensors; knows no model, no optimizer and nothing of what a checkpoint means.
 */
package dev.smallbatch.core.io;
