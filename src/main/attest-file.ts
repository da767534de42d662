import { attestSchema, type AttestDocument } from '../config/index.ts'
import { readServerFile } from './server-file.ts'

/** What `mayfly up --attest FILE` says; without a file, what is said by default. Throws `config_invalid`. */
export function attestDocument(file: string | undefined): AttestDocument {
  return file === undefined ? attestSchema.parse({}) : readServerFile(file, attestSchema)
}
