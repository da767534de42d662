/**
 * What commander says of a wrong command line, without the words that may be a value: a secret that somebody gave as an
 * argument must not stand in the job's output as well.
 */
export function withoutValues(text: string): string {
  return text
    .replace(/^error: /, '')
    .replace(/(Expected \d+ arguments? but got \d+): .*$/s, '$1.\n')
    .replace(/(unknown option '--?[A-Za-z][\w-]*)=.*?'/s, "$1'")
}
