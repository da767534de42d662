import { createHash, createHmac, pbkdf2, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'

/** PostgreSQL's own default (scram_iterations); the passwords here are random, so that more would protect nothing. */
const iterations = 4_096

/**
 * What PostgreSQL keeps of a password (pg_authid.rolpassword; RFC 5803): given in place of the password it is taken as it is, so
 * that no log of statements ever holds the password. `password` is ASCII: SASLprep would change nothing.
 */
export async function scramVerifier(password: string): Promise<string> {
  const salt = randomBytes(16)
  const salted = await promisify(pbkdf2)(password, salt, iterations, 32, 'sha256')
  const keyed = (text: string) => createHmac('sha256', salted).update(text).digest()
  const stored = createHash('sha256').update(keyed('Client Key')).digest('base64')
  const server = keyed('Server Key').toString('base64')
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${stored}:${server}`
}
