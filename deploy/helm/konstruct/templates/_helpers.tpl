{{- define "konstruct.name" -}}
{{- $own := printf "%s-%s" .Release.Name .Chart.Name }}
{{- ternary .Release.Name $own (contains .Chart.Name .Release.Name) | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "konstruct.labels" -}}
{{ include "konstruct.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "konstruct.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "konstruct.image" -}}
{{ .Values.image.repository }}:{{ include "konstruct.build" . }}
{{- end }}

{{- define "konstruct.build" -}}
{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- /* A variable from a Secret. list: name, Secret, key, whether it may be missing. */}}
{{- define "konstruct.secret" -}}
- name: {{ index . 0 }}
  valueFrom:
    secretKeyRef:
      name: {{ index . 1 }}
      key: {{ index . 2 }}
      {{- if index . 3 }}
      optional: true
      {{- end }}
{{- end }}

{{- /* What all three read: how Temporal is reached. */}}
{{- define "konstruct.temporal" -}}
- name: TEMPORAL_ADDRESS
  value: {{ .Values.temporal.address | quote }}
- name: TEMPORAL_NAMESPACE
  value: {{ .Values.temporal.namespace | quote }}
{{ include "konstruct.secret" (list "TEMPORAL_API_KEY" .Values.secrets.service "TEMPORAL_API_KEY" true) }}
{{ include "konstruct.secret" (list "TEMPORAL_TLS_CLIENT_KEY_DATA" .Values.secrets.service "TEMPORAL_TLS_CLIENT_KEY_DATA" true) }}
{{- if .Values.secrets.temporalTls }}
- name: TEMPORAL_TLS_CLIENT_CERT_PATH
  value: /etc/konstruct/temporal/tls.crt
- name: TEMPORAL_TLS_CLIENT_KEY_PATH
  value: /etc/konstruct/temporal/tls.key
{{- end }}
{{- end }}

{{- /* What API and worker read beside it. */}}
{{- define "konstruct.service" -}}
{{ include "konstruct.temporal" . }}
{{ include "konstruct.secret" (list "REDIS_URL" .Values.secrets.service "REDIS_URL" false) }}
{{- /* Without it histories would stand in clear in Temporal; the word clear says that they shall. */}}
{{ include "konstruct.secret" (list "KONSTRUCT_ENCRYPTION_KEYS" .Values.secrets.service "KONSTRUCT_ENCRYPTION_KEYS" false) }}
- name: DATABASE_CONNECTIONS
  value: {{ include "konstruct.connections" . | quote }}
- name: DATABASE_MAX_CONNECTIONS
  value: {{ .Values.postgres.maxConnections | quote }}
{{ include "konstruct.secret" (list "SLACK_BOT_TOKEN" .Values.secrets.service "SLACK_BOT_TOKEN" true) }}
- name: LLM_MODEL
  value: {{ .Values.llm.model | quote }}
- name: LLM_MODELS
  value: {{ .Values.llm.models | quote }}
{{- end }}

{{- /* How many processes of a kind there may be at a time: in a rollout one comes while one goes. */}}
{{- define "konstruct.most" -}}
{{- ternary .autoscaling.maxReplicas .replicas .autoscaling.enabled | int | add 2 }}
{{- end }}

{{- /*
What one process may hold of Postgres' connections. 5 are for migration, doctor and people, two of each API for
the operator's calls. More than 20 a process has no use for; less than 6 it refuses.
*/}}
{{- define "konstruct.connections" -}}
{{- $apis := include "konstruct.most" .Values.api | int }}
{{- $all := include "konstruct.most" .Values.worker | int | add $apis }}
{{- $given := .Values.postgres.maxConnections | int }}
{{- $kept := mul 2 $apis | add 5 }}
{{- $each := div (sub $given $kept) $all | min 20 }}
{{- if lt (int $each) 6 }}
{{- fail (printf "postgres.maxConnections: %d connections are too few for %d processes (the most replicas of API and worker, and two more of each in a rollout), which need %d: raise max_connections of Postgres and say so in postgres.maxConnections, or lower autoscaling.maxReplicas" $given $all (mul 6 $all | add $kept)) }}
{{- end }}
{{- $each }}
{{- end }}

{{- /* Where the Ingress leads. */}}
{{- define "konstruct.api-backend" -}}
service:
  name: {{ include "konstruct.name" . }}-api
  port: { name: http }
{{- end }}

{{- /* What stands here, whoever may read Deployments can read. */}}
{{- define "konstruct.settings" -}}
{{- $secrets := list "DATABASE_ADMIN_URL" "DATABASE_API_URL" "DATABASE_OPERATOR_URL" "DATABASE_URL" "DATABASE_WORKER_URL" "KONSTRUCT_ENCRYPTION_KEYS" "KONSTRUCT_OPERATOR_TOKEN" "LLM_API_KEY" "REDIS_URL" "SLACK_APP_TOKEN" "SLACK_BOT_TOKEN" "SLACK_CLIENT_SECRET" "SLACK_SIGNING_SECRET" "SLACK_STATE_SECRET" "TEMPORAL_API_KEY" "TEMPORAL_TLS_CLIENT_KEY_DATA" }}
{{- range $name, $value := . }}
{{- if has $name $secrets }}
{{- fail (printf "%s among the settings would stand in the Deployment for all to read: put it into the Secret that secrets.service names" $name) }}
{{- end }}
{{- /* Headers mostly bear a token. */}}
{{- if regexMatch "^(TEMPORAL_GRPC_META_.*|OTEL_.*HEADERS)$" $name }}
{{- fail (printf "%s among the settings would stand in the Deployment for all to read: put it into a Secret of its own, and name that in secrets.headers" $name) }}
{{- end }}
{{- if has $name (list "DATABASE_CONNECTIONS" "DATABASE_MAX_CONNECTIONS") }}
{{- fail (printf "%s follows from postgres.maxConnections: set that" $name) }}
{{- end }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{- define "konstruct.mounts" -}}
- name: tmp
  mountPath: /tmp
# The worker keeps its workflow bundle here.
- name: cache
  mountPath: /app/node_modules/.cache/konstruct
{{- if .Values.secrets.temporalTls }}
- name: temporal-tls
  mountPath: /etc/konstruct/temporal
  readOnly: true
{{- end }}
{{- if .Values.secrets.authorities }}
- name: authorities
  mountPath: /etc/konstruct/ca
  readOnly: true
{{- end }}
{{- end }}

{{- define "konstruct.volumes" -}}
- name: tmp
  emptyDir: {}
- name: cache
  emptyDir: {}
{{- if .Values.secrets.temporalTls }}
- name: temporal-tls
  secret:
    secretName: {{ .Values.secrets.temporalTls }}
{{- end }}
{{- if .Values.secrets.authorities }}
- name: authorities
  secret:
    secretName: {{ .Values.secrets.authorities }}
{{- end }}
{{- end }}

{{- define "konstruct.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  runAsGroup: 1000
  fsGroup: 1000
  seccompProfile: { type: RuntimeDefault }
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "konstruct.container" -}}
image: {{ include "konstruct.image" . }}
{{- with .Values.secrets.headers }}
envFrom:
  - secretRef: { name: {{ . }} }
{{- end }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
volumeMounts:
  {{- include "konstruct.mounts" . | nindent 2 }}
{{- end }}
