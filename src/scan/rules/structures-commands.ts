import type { Rule } from '../engine/index.ts'

export const structuresCommandsRules: readonly Rule[] = [
  {
    id: 'authorization-basic',
    title: 'Basic Authorization header',
    vendor: 'HTTP',
    source: 'https://www.rfc-editor.org/rfc/rfc7617',
    keywords: ['basic '],
    pattern:
      '[Aa]uthorization["\']?[ \\t]{0,4}[:=,][ \\t]{0,4}["\']?[Bb]asic[ ]{1,3}([A-Za-z0-9+/]{12,}={0,2})(?:[^A-Za-z0-9+/=]|$)',
    general: true,
    check: 'basic',
    confidence: 'likely',
    entropy: 2.7,
    allow: ['^YWxhZGRpbjpvcGVuc2VzYW1l', '^QWxhZGRpbjpvcGVuIHNlc2FtZQ', '^dXNlcjpwYXNz'],
    connection: 'http',
    revoke: 'Change the password at the server.',
    examples: {
      positive: [
        'curl -H "Authorization: Basic {basic}" https://api.internal',
        "'Authorization': 'Basic {basic}'",
      ],
      negative: [
        'Authorization: Basic <credentials>',
        "headers['Authorization'] = 'Basic ' + btoa(user + ':' + pass)",
        'Authorization: Basic YWxhZGRpbjpvcGVuc2VzYW1l',
      ],
    },
  },
  {
    id: 'authorization-bearer',
    title: 'Bearer Authorization header',
    vendor: 'HTTP',
    source: 'https://www.rfc-editor.org/rfc/rfc6750#section-2.1',
    keywords: ['bearer '],
    pattern:
      '[Aa]uthorization["\']?[ \\t]{0,4}[:=,][ \\t]{0,4}["\']?[Bb]earer[ ]{1,3}([A-Za-z0-9._~+/-]{24,}={0,2})(?:[^A-Za-z0-9._~+/=-]|$)',
    reach: 2048,
    general: true,
    confidence: 'possible',
    entropy: 3.8,
    connection: 'http',
    revoke: 'At whoever gave the token.',
    examples: {
      positive: [
        'curl -H "Authorization: Bearer {alnum:40}" https://api.internal',
        "Authorization: 'Bearer {base64url:64}'",
      ],
      negative: [
        'Authorization: Bearer <token>',
        'Authorization: Bearer ${{TOKEN}',
        'Authorization: Bearer xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
        'Authorization: Bearer {alnum:10}',
      ],
    },
  },
  {
    id: 'curl-user-password',
    title: 'curl with a password on the command line',
    vendor: 'curl',
    source: 'https://curl.se/docs/manpage.html#-u',
    keywords: ['curl '],
    pattern:
      'curl [^\\r\\n]{0,200}(?:-u|--user)[ =]["\']?[^\\s:"\'$<]{1,64}:([^\\s"\'$<{*][^\\s"\'<{]{3,127})',
    general: true,
    confidence: 'likely',
    check: 'password',
    connection: 'http',
    revoke: 'Change the password at the server.',
    examples: {
      positive: [
        'curl -s -u admin2:{alnum:16} https://nexus.internal/service/rest',
        "curl --user 'ci:{alnum:20}' -T a.zip https://files.internal/",
      ],
      negative: [
        'curl -u user:password https://example.com',
        'curl -u $USER:$PASS https://api.internal',
        'curl -u admin https://api.internal',
        'curl https://api.internal',
      ],
    },
  },
  {
    id: 'sshpass-password',
    title: 'SSH password on the command line',
    vendor: 'sshpass',
    source: 'https://manpages.debian.org/stable/sshpass/sshpass.1.en.html',
    keywords: ['sshpass'],
    pattern: 'sshpass[ ]{1,3}-p[ ]?["\']?([^\\s"\'<>{}$%*][^\\s"\'<>{}]{3,127})',
    general: true,
    confidence: 'likely',
    check: 'password',
    connection: 'ssh',
    revoke: 'Change the password at the server.',
    examples: {
      positive: ['sshpass -p {alnum:14} ssh deploy@10.0.0.5', "sshpass -p '{alnum:12}!' scp a.tar host:"],
      negative: ['sshpass -p $SSH_PASS ssh host', 'sshpass -e ssh host', 'sshpass -p password ssh host'],
    },
  },
  {
    id: 'docker-login-password',
    title: 'docker login with a password on the command line',
    vendor: 'Docker',
    source: 'https://docs.docker.com/reference/cli/docker/login/',
    keywords: ['docker login', 'podman login'],
    pattern:
      '(?:docker|podman) login[^\\r\\n|;&]{0,160}[ ](?:-p|--password)[ =]["\']?([^\\s"\'<>{}$%*][^\\s"\'<>{}]{3,127})',
    general: true,
    confidence: 'likely',
    check: 'password',
    connection: 'oci',
    revoke: 'At the registry: delete the token, or change the password.',
    examples: {
      positive: [
        'docker login -u ci -p {alnum:24} registry.internal',
        'podman login registry.internal --username ci --password={alnum:20}',
      ],
      negative: [
        'docker login -u ci -p $TOKEN registry.internal',
        'echo $TOKEN | docker login -u ci --password-stdin',
        'docker login -u ci',
      ],
    },
  },
  {
    id: 'postgres-environment-password',
    title: 'PostgreSQL password in the environment',
    vendor: 'PostgreSQL',
    source: 'https://www.postgresql.org/docs/current/libpq-envars.html',
    keywords: ['PGPASSWORD', 'POSTGRES_PASSWORD'],
    pattern:
      '(?:PGPASSWORD|POSTGRES_PASSWORD)["\']?[ \\t]{0,4}[=:][ \\t]{0,4}["\']?([^\\s"\'<>{}$%*][^\\s"\'<>{}]{3,127})',
    general: true,
    confidence: 'likely',
    check: 'password',
    connection: 'postgres',
    revoke: 'ALTER ROLE name PASSWORD.',
    examples: {
      positive: ['PGPASSWORD={alnum:16} psql -h db.internal', '  POSTGRES_PASSWORD: "{alnum:20}"'],
      negative: [
        'PGPASSWORD=$DB_PASSWORD psql',
        'POSTGRES_PASSWORD: postgres',
        'POSTGRES_PASSWORD: ${{DB_PASSWORD}',
      ],
    },
  },
  {
    id: 'mysql-command-password',
    title: 'MySQL password on the command line or in the environment',
    vendor: 'MySQL',
    source: 'https://dev.mysql.com/doc/refman/8.4/en/environment-variables.html',
    keywords: ['MYSQL_PWD', 'MYSQL_PASSWORD', 'MYSQL_ROOT_PASSWORD', 'mysql -', 'mysqldump -'],
    pattern:
      '(?:(?:MYSQL_PWD|MYSQL_PASSWORD|MYSQL_ROOT_PASSWORD)["\']?[ \\t]{0,4}[=:][ \\t]{0,4}["\']?|mysql(?:dump)? -[^\\r\\n|;&]{0,120}(?:[ ]-p|[ ]--password=))([^\\s"\'<>{}$%*][^\\s"\'<>{}]{3,127})',
    general: true,
    confidence: 'likely',
    check: 'password',
    connection: 'mysql',
    revoke: 'ALTER USER name IDENTIFIED BY.',
    examples: {
      positive: [
        'MYSQL_ROOT_PASSWORD={alnum:16}',
        'mysqldump -u svc -p{alnum:12} -h db.internal app > a.sql',
        'mysql -h db --password={alnum:14}',
      ],
      negative: ['mysql -u root -p', 'MYSQL_ROOT_PASSWORD: root', 'mysql -u root -p$MYSQL_PWD app'],
    },
  },
  {
    id: 'powershell-plain-password',
    title: 'Password as plain text in PowerShell',
    vendor: 'Microsoft',
    source:
      'https://learn.microsoft.com/en-us/powershell/module/microsoft.powershell.security/convertto-securestring',
    keywords: ['ConvertTo-SecureString'],
    pattern:
      'ConvertTo-SecureString[ ]{1,3}(?:-String[ ]{1,3})?["\']([^"\'$<>\\r\\n][^"\'<>\\r\\n]{3,127})["\'][^\\r\\n]{0,40}-AsPlainText',
    general: true,
    confidence: 'likely',
    check: 'password',
    revoke: 'Change the password at the server.',
    examples: {
      positive: [
        "ConvertTo-SecureString '{alnum:14}!' -AsPlainText -Force",
        '$p = ConvertTo-SecureString -String "{alnum:16}" -AsPlainText',
      ],
      negative: [
        'ConvertTo-SecureString $password -AsPlainText -Force',
        'ConvertTo-SecureString "<password>" -AsPlainText',
      ],
    },
  },
]
