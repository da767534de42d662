/** The longest path of a resource, in characters. */
export const maxPathChars = 2_048
