/**
 * Masks secrets in a step's output while it streams: bytes in, bytes with `***` out.
 *
 * It finds a secret as it is and in the forms tools print it in (see forms.ts), across any split of the
 * output into chunks, with ANSI sequences and soft line breaks of quoted-printable in between and, for base64, hex and lists of numbers, with white space in
 * between; and in dumps, which it decodes (see dumps.ts).
 * It refuses secrets shorter than 6 bytes: masking those would destroy the output, and a reader could
 * still count the stars. Output that was compressed or encrypted cannot be masked; no masker is a reason
 * to hand a step a real secret.
 *
 * Invariant: a byte that may still turn out to belong to a registered form has not been handed out,
 * and memory held per stream is bounded by the longest form, whatever the step writes.
 */
export { formsOf, formsOfBytes, formsOfText } from './forms.ts'
export type { Form } from './forms.ts'
export { createMasker } from './masker.ts'
export type { AddResult, Masker, MaskerOptions, MaskStream, RefusedSecret } from './masker.ts'
