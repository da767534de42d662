import { z } from 'zod'
import { policySchema } from '../config/index.ts'
import { cedarSchemaText } from '../policy/index.ts'
import { endWithReader } from './output.ts'

export async function printSchema(options: { cedar: boolean }): Promise<void> {
  const text = options.cedar
    ? cedarSchemaText()
    : JSON.stringify(z.toJSONSchema(policySchema, { io: 'input' }), null, 2)
  endWithReader()
  process.stdout.write(`${text.trimEnd()}\n`)
}
