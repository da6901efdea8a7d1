{{- define "warmfront.labels" -}}
app.kubernetes.io/name: warmfront
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "warmfront.selector" -}}
app.kubernetes.io/name: warmfront
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "warmfront.pod-security" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "warmfront.container-security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "warmfront.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* A Deployment of one component: dict root, component, part (its values), args. */}}
{{- define "warmfront.deployment" -}}
{{- $root := .root }}
{{- $isDashboard := eq .component "dashboard" }}
{{- $hasClouds := and (eq .component "allocator") $root.Values.allocator.cloudsSecret }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $root.Release.Name }}-{{ .component }}
  labels:
    {{- include "warmfront.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
spec:
  {{- if not .scaled }}
  replicas: {{ .part.replicas }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "warmfront.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "warmfront.labels" $root | nindent 8 }}
        app.kubernetes.io/component: {{ .component }}
      annotations:
        checksum/settings: {{ include (print $root.Template.BasePath "/configmap.yaml") $root | sha256sum }}
    spec:
      serviceAccountName: {{ $root.Release.Name }}
      automountServiceAccountToken: false
      securityContext:
        {{- include "warmfront.pod-security" $root | nindent 8 }}
      {{- with $root.Values.image.pullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      terminationGracePeriodSeconds: 60
      containers:
        - name: {{ .component }}
          image: {{ include "warmfront.image" $root }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          args:
            {{- toYaml .args | nindent 12 }}
          envFrom:
            - configMapRef:
                name: {{ $root.Release.Name }}-settings
          {{- if $hasClouds }}
          env:
            - name: OS_CLIENT_CONFIG_FILE
              value: /etc/openstack/clouds.yaml
          {{- end }}
          ports:
            - name: metrics
              containerPort: {{ $root.Values.metrics.port }}
            {{- if $isDashboard }}
            - name: http
              containerPort: {{ $root.Values.dashboard.port }}
            {{- end }}
          # The first start compiles the models' kernels, up to a few minutes on a slow node.
          startupProbe:
            httpGet: {path: /healthz, port: metrics}
            periodSeconds: 5
            failureThreshold: 60
          livenessProbe:
            httpGet: {path: /healthz, port: metrics}
            periodSeconds: 15
            timeoutSeconds: 5
            failureThreshold: 4
          readinessProbe:
            httpGet: {path: /readyz, port: metrics}
            periodSeconds: 10
            timeoutSeconds: 5
          resources:
            {{- toYaml .part.resources | nindent 12 }}
          securityContext:
            {{- include "warmfront.container-security" $root | nindent 12 }}
          volumeMounts:
            - {name: state, mountPath: /var/lib/warmfront}
            - {name: kernels, mountPath: /src/.cache}
            - {name: tmp, mountPath: /tmp}
            - {name: secrets, mountPath: /run/secrets/warmfront, readOnly: true}
            {{- if $root.Values.pools }}
            - {name: pools, mountPath: /etc/warmfront, readOnly: true}
            {{- end }}
            {{- if $hasClouds }}
            - {name: clouds, mountPath: /etc/openstack, readOnly: true}
            {{- end }}
      volumes:
        - {name: state, emptyDir: {}}
        - {name: kernels, emptyDir: {}}
        - {name: tmp, emptyDir: {}}
        - name: secrets
          secret:
            secretName: {{ $root.Values.secretName }}
        {{- if $root.Values.pools }}
        - name: pools
          configMap:
            name: {{ $root.Release.Name }}-pools
        {{- end }}
        {{- if $hasClouds }}
        - name: clouds
          secret:
            secretName: {{ $root.Values.allocator.cloudsSecret }}
        {{- end }}
      {{- with $root.Values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $root.Values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              {{- include "warmfront.selector" . | nindent 14 }}
{{- end }}
