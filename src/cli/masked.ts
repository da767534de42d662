import { readEnvironment } from '../config/environment.ts'
import { createRedactor, secretsOfJob } from '../runner/index.ts'

/** The text without the secrets of this process's environment. */
export function maskedText(text: string): string {
  return createRedactor(secretsOfJob(readEnvironment().variables)).text(text)
}
