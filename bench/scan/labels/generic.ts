import type { Kind } from './kind.ts'
import type { Random } from './random.ts'
import { fill } from './template.ts'
import { noun } from './words.ts'

const passwordNames =
  'PASSWORD DB_PASSWORD DB_PASS ADMIN_PASSWORD SMTP_PASSWORD MAIL_PASSWD REDIS_PASSWORD ROOT_PWD LDAP_BIND_PASSWORD KEYSTORE_PASSWORD RABBITMQ_PASSWORD FTP_PASS BACKUP_PASSPHRASE MYSQL_ROOT_PASSWORD SERVICE_USER_PASSWORD PROXY_PASSWORD SUDO_PASSWORD'.split(
    ' ',
  )
const keyNames =
  'API_KEY SECRET_KEY AUTH_TOKEN ACCESS_TOKEN CLIENT_SECRET SIGNING_KEY ENCRYPTION_KEY JWT_SECRET SESSION_SECRET WEBHOOK_SECRET SERVICE_TOKEN APP_SECRET HMAC_SECRET SHARED_SECRET INTERNAL_API_TOKEN PARTNER_API_KEY REFRESH_TOKEN PRIVATE_KEY_HEX COOKIE_SECRET BEARER_TOKEN'.split(
    ' ',
  )

/** What people choose, and what their password manager does. */
function password(random: Random): string {
  const upper = (word: string) => word.replace(/^./, (a) => a.toUpperCase())
  const made = [
    () =>
      `${upper(noun(random))}${upper(noun(random))}${random.between(10, 9999)}${random.pick([...'!#$%&*?'])}`,
    () => `${noun(random)}-${noun(random)}-${noun(random)}-${random.between(10, 99)}`,
    () =>
      `${upper(noun(random)).replaceAll('a', '4').replaceAll('e', '3')}@${random.between(2017, 2026)}#${random.text('abcdefgh', 3)}`,
    () =>
      random.text(
        'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789!@#%^*-_+=',
        random.between(12, 22),
      ),
    () => fill('{alnum:12-20}', random),
    () => fill('{lowdig:10-16}', random),
  ]
  return random.pick(made)()
}

function key(random: Random): string {
  const made = [
    () => fill('{alnum:24-48}', random),
    () => fill('{hex:32}', random),
    () => fill('{hex:40}', random),
    () => fill('{hex:64}', random),
    () => random.bytes(random.pick([24, 32, 48])).toString('base64'),
    () => fill('{b64u:32-64}', random),
    () => random.uuid(),
    () => fill('{lower:3-5}_{live|prod|key}_{alnum:28}', random),
  ]
  return random.pick(made)()
}

/** A password and a key in each form of file: what has no vendor is known by where it stands. */
export function genericKinds(form: string): Kind[] {
  return [
    { name: `password-in-${form}`, called: passwordNames, make: password },
    { name: `key-in-${form}`, called: keyNames, make: key },
  ]
}
