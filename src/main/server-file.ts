import type { z } from 'zod'
import { readText } from '../cli/index.ts'
import { configError, parseConfig } from '../config/index.ts'

/** A file of this server's own configuration, as it is now. Throws `config_invalid`, with the line. */
export function readServerFile<Schema extends z.ZodType>(file: string, schema: Schema): z.output<Schema> {
  const parsed = parseConfig(readText(file), file, schema)
  if (!parsed.ok) throw configError(parsed.problems)
  return parsed.value
}
